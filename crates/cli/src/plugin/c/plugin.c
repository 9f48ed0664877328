/* A stage for Chaffinch: removes notes about corrections below an article, such as "Correction: The
 * bridge is in Elmford". */

#include "chaffinch.h"

FINDS("notes that begin with one of `words`")

enum { MOST_WORDS = 100 };

static struct { const char *text; u32 length; } words[MOST_WORDS];
static u32 word_count;

static const char *configure(struct settings settings) {
    struct setting setting;
    while (next_setting(&settings, &setting)) {
        if (setting.name_length != 5 || !starts_with(setting.name, 5, "words", 5))
            return "unknown setting; this stage takes words";
        if (word_count == MOST_WORDS) return "more than 100 words";
        words[word_count].text = setting.value;
        words[word_count++].length = setting.value_length;
    }
    return 0;
}

static void mark(const struct view *view) {
    const struct line *lines = lines_of(view);
    for (u32 i = 0; i < view->lines; i++) {
        if (!(lines[i].flags & TAIL)) continue;
        const char *key = text_of(view, lines[i].key);
        for (u32 word = 0; word < word_count; word++) {
            if (starts_with(key, lines[i].key.length, words[word].text, words[word].length)) {
                remove_line(i);
                break;
            }
        }
    }
}
