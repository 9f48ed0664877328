//! Metadata recovered from a document: named fields, each with one value or a list.

use std::collections::HashSet;

use serde_json::Value;

/// The standard fields, in display order. Other fields follow, sorted by name.
pub const STANDARD_FIELDS: &[&str] =
    &["title", "date", "place", "section", "authors", "agency", "tags", "caption", "outlet"];

/// Fields that are always lists, even with one value.
const LISTS: &[&str] = &["authors", "tags"];

/// Metadata recovered from a document.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fields {
    fields: Vec<(String, Values)>,
}

/// The values of a field, without duplicates.
#[derive(Clone, Debug, Default)]
struct Values {
    list: Vec<String>,
    /// The same values, filled only if there are more than [`Values::FEW`].
    seen: HashSet<String>,
}

impl PartialEq for Values {
    fn eq(&self, other: &Values) -> bool {
        self.list == other.list
    }
}

impl Eq for Values {}

impl Values {
    /// The maximum number of values that are compared one by one.
    const FEW: usize = 8;

    fn add(&mut self, value: String) {
        let is_new = if self.list.len() < Values::FEW {
            !self.list.contains(&value)
        } else {
            if self.seen.is_empty() {
                self.seen.extend(self.list.iter().cloned());
            }
            self.seen.insert(value.clone())
        };
        if is_new {
            self.list.push(value);
        }
    }
}

impl Fields {
    /// Adds a value, unless the field already has it. Dates are normalised to ISO 8601 if they can
    /// be parsed. `tags` are split at separators.
    pub fn add(&mut self, name: &str, value: &str) {
        match name {
            "date" => {
                let iso = chaffinch_stage::date::iso(value);
                self.add_one(name, iso.unwrap_or_else(|| value.to_owned()));
            }
            "tags" => {
                let parts = value.split([',', ';', '|', '#', '•', '·', '、', '،', '؛', '，']);
                for part in parts.map(str::trim).filter(|part| !part.is_empty()) {
                    self.add_one(name, part.to_owned());
                }
            }
            _ => self.add_one(name, value.trim().to_owned()),
        }
    }

    fn add_one(&mut self, name: &str, value: String) {
        if value.is_empty() {
            return;
        }
        let rank = |name: &str| {
            let known = STANDARD_FIELDS.iter().position(|known| *known == name);
            (known.unwrap_or(STANDARD_FIELDS.len()), name.to_owned())
        };
        match self.fields.iter_mut().find(|(known, _)| known == name) {
            Some((_, values)) => values.add(value),
            None => {
                let at = self.fields.partition_point(|(known, _)| rank(known) < rank(name));
                let mut values = Values::default();
                values.add(value);
                self.fields.insert(at, (name.to_owned(), values));
            }
        }
    }

    /// The names and values of all fields.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[String])> {
        self.fields.iter().map(|(name, values)| (name.as_str(), values.list.as_slice()))
    }

    /// The first value of a field.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.iter().find(|(known, _)| *known == name)?.1.first().map(String::as_str)
    }

    /// Parses the output of [`Fields::to_json`].
    pub(crate) fn from_json(json: &serde_json::Map<String, Value>) -> Fields {
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let values = |value: &Value| match value {
            Value::Array(all) => all.iter().filter_map(text).collect(),
            one => text(one).into_iter().collect(),
        };
        let field = |(name, value): (&String, &Value)| {
            (name.clone(), Values { list: values(value), seen: HashSet::new() })
        };
        Fields { fields: json.iter().map(field).collect() }
    }

    /// The fields as JSON: a string for one value, a list for several, and always a list for
    /// `authors` and `tags`.
    pub fn to_json(&self) -> serde_json::Map<String, Value> {
        let value = |name: &str, values: &[String]| match values {
            [one] if !LISTS.contains(&name) => Value::from(one.as_str()),
            all => Value::from(all.to_vec()),
        };
        self.iter().map(|(name, values)| (name.to_owned(), value(name, values))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn duplicate_values_of_a_field_are_dropped() {
        let values: Vec<String> =
            (0..3 * Values::FEW).map(|number| format!("tag {number}")).collect();
        let mut fields = Fields::default();
        for value in values.iter().chain(&values) {
            fields.add("tags", value);
        }
        assert_eq!(fields.iter().collect::<Vec<_>>(), [("tags", values.as_slice())]);
        // The same applies to fields read from a ledger.
        let mut read = Fields::from_json(&fields.to_json());
        values.iter().for_each(|value| read.add("tags", value));
        assert_eq!(read, fields);
    }
}
