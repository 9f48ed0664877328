//! The settings of a stage.

/// The settings of a stage in the pipeline file. Every value is text: `true`, `3`, `0.5`, `a word`.
#[derive(Clone, Copy, Debug)]
pub struct Settings<'a> {
    bytes: &'a [u8],
}

impl<'a> Settings<'a> {
    /// Settings in the form in which the host passes them.
    pub fn from_bytes(bytes: &'a [u8]) -> Settings<'a> {
        Settings { bytes }
    }

    /// All names and values, in order. A list has one entry for each item.
    pub fn iter(&self) -> impl Iterator<Item = (&'a str, &'a str)> + Clone + use<'a> {
        let mut rest = self.bytes.get(4..).unwrap_or_default();
        core::iter::from_fn(move || {
            let (lengths, texts) = rest.split_at_checked(8)?;
            let number = |at: usize| {
                let bytes = lengths[at..at + 4].try_into().unwrap_or_default();
                u32::from_le_bytes(bytes) as usize
            };
            let (name, texts) = texts.split_at_checked(number(0))?;
            let (value, texts) = texts.split_at_checked(number(4))?;
            rest = texts;
            Some((core::str::from_utf8(name).ok()?, core::str::from_utf8(value).ok()?))
        })
    }

    /// The values of a setting: the items of a list, or the only value.
    pub fn all(&self, name: &str) -> impl Iterator<Item = &'a str> + Clone {
        self.iter().filter(move |(own, _)| *own == name).map(|(_, value)| value)
    }

    /// The value of a setting.
    pub fn get(&self, name: &str) -> Option<&'a str> {
        self.all(name).next()
    }

    /// The first setting that is none of these, so that a mistyped name can be refused.
    pub fn unknown(&self, known: &[&str]) -> Option<&'a str> {
        self.iter().map(|(name, _)| name).find(|name| !known.contains(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;

    #[test]
    fn settings_are_read() {
        let mut bytes = Vec::from([3, 0, 0, 0]);
        for (name, value) in [("words", "a"), ("words", "é"), ("most", "3")] {
            bytes.extend([name.len() as u8, 0, 0, 0, value.len() as u8, 0, 0, 0]);
            bytes.extend(name.bytes().chain(value.bytes()));
        }
        let settings = Settings::from_bytes(&bytes);
        assert_eq!(settings.all("words").collect::<Vec<_>>(), ["a", "é"]);
        assert_eq!(settings.get("most"), Some("3"));
        assert_eq!(settings.unknown(&["most"]), Some("words"));
        assert_eq!(Settings::from_bytes(&bytes[..20]).iter().count(), 1, "cut short");
        assert_eq!(Settings::from_bytes(&[]).iter().count(), 0);
    }
}
