/* The interface between Chaffinch and a plugin, version 1. docs/plugins.md describes it.
 *
 * A plugin defines two functions:
 *
 *     const char *configure(struct settings settings);
 *     void mark(const struct view *view);
 *
 * `configure` returns an error message, or 0. `mark` calls `remove_line` and the like, and must not
 * keep state. Include this file once. */

typedef unsigned char u8;
typedef unsigned int u32;
typedef unsigned long long u64;

enum { BLANK = 1, BODY = 2, HEAD = 4, TAIL = 8 };       /* flags of a line */
enum { WHOLE_LINE = 1, ALLOWED = 2 };                   /* flags of a hit */
enum { REMOVE = 1, REPLACE, NOTE, KEEP, HIT, ALL_HITS }; /* kinds of marks */

/* Offsets count from the start of the view, in bytes. */
struct text { u32 at, length; };
struct line { u32 index; struct text text, key; u32 flags; };
struct hit { u32 line, rule, flags; };
struct view { u32 lines, hits, rules; struct text outlet; u32 size, unused[2]; };
struct mark { u32 kind, line, start, end; const char *data; u32 data_length; };

struct settings { u32 count; const u8 *next; };
struct setting { const char *name, *value; u32 name_length, value_length; };

/* Describes what the plugin finds. */
#define FINDS(description) \
    EXPORT("chaffinch_finds") u64 chaffinch_finds(void) { \
        return (u64)(u32)(description) << 32 | (sizeof(description) - 1); \
    }

#define EXPORT(name) __attribute__((export_name(name)))
#define WHOLE 0xffffffffu
#define MOST_MARKS 65536u

extern u8 __heap_base;

static struct mark marks[MOST_MARKS];
static u32 mark_count;

static const char *configure(struct settings settings);
static inline void mark(const struct view *view);

static inline const struct line *lines_of(const struct view *view) {
    return (const struct line *)(view + 1);
}

static inline const struct hit *hits_of(const struct view *view) {
    return (const struct hit *)(lines_of(view) + view->lines);
}

static inline const char *text_of(const struct view *view, struct text text) {
    return (const char *)view + text.at;
}

static inline int starts_with(const char *text, u32 length, const char *start, u32 start_length) {
    if (start_length > length) return 0;
    for (u32 i = 0; i < start_length; i++)
        if (text[i] != start[i]) return 0;
    return 1;
}

/* Reads the next setting. A list has one setting for each item. Returns 0 at the end. */
static inline int next_setting(struct settings *settings, struct setting *setting) {
    if (settings->count == 0) return 0;
    settings->count--;
    const u8 *at = settings->next;
    __builtin_memcpy(&setting->name_length, at, 4);
    __builtin_memcpy(&setting->value_length, at + 4, 4);
    setting->name = (const char *)at + 8;
    setting->value = setting->name + setting->name_length;
    settings->next = (const u8 *)setting->value + setting->value_length;
    return 1;
}

/* Adds a mark; `start` and `end` are bytes of the line's text. Marks over the limit are dropped. */
static inline void add_mark(u32 kind, u32 line, u32 start, u32 end, const char *data, u32 length) {
    if (mark_count < MOST_MARKS)
        marks[mark_count++] = (struct mark){kind, line, start, end, data, length};
}

static inline void remove_line(u32 line) { add_mark(REMOVE, line, 0, WHOLE, 0, 0); }

EXPORT("chaffinch_abi") int chaffinch_abi(void) { return 1; }

/* The settings stay at the start of the heap, because the plugin may point into them. Documents
 * follow; each replaces the one before. */
static u32 kept;

EXPORT("chaffinch_alloc") u8 *chaffinch_alloc(u32 size) {
    u8 *at = &__heap_base + kept;
    u64 end = (u64)(u32)at + size, have = (u64)__builtin_wasm_memory_size(0) << 16;
    if (end > have && __builtin_wasm_memory_grow(0, (u32)((end - have + 0xffff) >> 16)) == -1ul)
        __builtin_trap();
    return at;
}

EXPORT("chaffinch_configure") u64 chaffinch_configure(const u8 *at, u32 size) {
    struct settings settings = {0, at + 4};
    __builtin_memcpy(&settings.count, at, 4);
    kept = (size + 15) & ~15u;
    const char *error = configure(settings);
    if (error == 0) return 0;
    u32 length = 0;
    while (error[length] != 0) length++;
    return (u64)(u32)error << 32 | length;
}

EXPORT("chaffinch_mark") u64 chaffinch_mark(const struct view *view, u32 size) {
    (void)size;
    mark_count = 0;
    mark(view);
    return (u64)(u32)marks << 32 | mark_count;
}
