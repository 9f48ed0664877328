//! The kinds of cues. A *kind* is the purpose of a cue, such as a share prompt; lexicon files list the
//! cues of a language by kind, and patterns name kinds.

/// How the entries of a kind are used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// An entry is a complete line.
    Line,
    /// An entry begins a notice to the reader, or is one.
    Notice,
    /// An entry precedes a colon or dash and a text.
    Label,
    /// An entry has a slot for a list of networks.
    Slot,
    /// An entry is a word that patterns combine with others.
    Word,
    /// An entry is a name, which is the same in all languages. Patterns combine it with others.
    Name,
    /// An entry is a hint for the line model.
    Hint,
}

impl Form {
    /// Whether a kind of this form needs lines to remove and sentences to keep in each language.
    pub fn needs_cases(self) -> bool {
        !matches!(self, Form::Word | Form::Name | Form::Hint)
    }

    /// Whether an entry is a word or name that patterns combine with others.
    pub(crate) fn is_word(self) -> bool {
        matches!(self, Form::Word | Form::Name)
    }
}

/// A kind of cues.
#[derive(Clone, Copy, Debug)]
pub struct Kind {
    /// Its name in lexicon files and patterns.
    pub name: &'static str,
    /// How its entries are used.
    pub form: Form,
    /// A one-line description.
    pub doc: &'static str,
}

macro_rules! kinds {
    ($($form:ident $name:literal $doc:literal;)*) => {
        &[$(Kind { name: $name, form: Form::$form, doc: $doc }),*]
    };
}

/// The kinds of cues.
pub const KINDS: &[Kind] = kinds! {
    Line "share" "Share prompts and reader tools: print, copy link, save.";
    Line "follow" "Prompts to follow the outlet, without a network.";
    Line "read-more" "Links to the rest of an article or list.";
    Line "related" "Headings of lists of links to other articles.";
    Line "most-read" "Headings of lists of popular articles.";
    Line "advertisement" "Advertisement markers.";
    Line "ad-continues" "Notices that the article continues after an advertisement.";
    Line "log-in" "Prompts to log in or register.";
    Line "comments" "Comment counts, prompts and controls.";
    Line "listen" "Controls of audio and video players.";
    Line "placeholder" "Placeholders of images, lists and embedded media.";
    Line "navigation" "Items of menus and page furniture.";
    Line "legal" "Items of footers: privacy, terms, imprint, contact.";
    Notice "newsletter" "Newsletter prompts.";
    Notice "app" "Prompts to install an app.";
    Notice "paywall" "Paywall and registration notices.";
    Notice "subscribe" "Subscription, membership and donation prompts.";
    Notice "copyright" "Copyright and reproduction notices.";
    Notice "cookies" "Cookie and consent notices.";
    Notice "contact" "Tip lines and requests for feedback.";
    Notice "report-an-error" "Requests to report errors.";
    Notice "affiliate" "Affiliate and trust notices.";
    Label "read-also" "Labels of a link to another article.";
    Label "media" "Labels of a link to a video, gallery or podcast.";
    Label "photo" "Labels of a photo credit.";
    Label "byline" "Labels of a byline or staff credit.";
    Label "source" "Labels of a source.";
    Label "updated" "Labels of a date.";
    Label "reading-time" "Reading times.";
    Label "tags" "Labels of a tag line.";
    Slot "share-on" "Share prompts with a slot for networks.";
    Slot "follow-on" "Follow prompts with a slot for networks.";
    Name "network" "Networks, apps and services.";
    Word "and" "Words that join the items of a list.";
    Word "you" "Words that address the reader or speak as the site.";
    Word "saying" "Verbs of speech and thought in reports.";
    Word "minutes" "Units of reading times.";
    Name "agency" "News and photo agencies.";
    Word "section" "Names of sections.";
    Hint "loose" "Words that hint at boilerplate without proving it.";
    Hint "calendar" "Months, weekdays and words of dates and times.";
};

/// The index of a kind in [`KINDS`].
pub fn kind(name: &str) -> Option<usize> {
    KINDS.iter().position(|kind| kind.name == name)
}
