//! Columns of strings, in all forms that Arrow has for them.

use std::sync::Arc;

use arrow_array::builder::{GenericStringBuilder, StringViewBuilder};
use arrow_array::cast::AsArray;
use arrow_array::{
    Array, ArrayRef, LargeStringArray, NullArray, OffsetSizeTrait, StringArray, StringViewArray,
};
use arrow_schema::DataType;
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;

/// A column of strings.
pub(crate) enum Strings<'a> {
    Small(&'a StringArray),
    Large(&'a LargeStringArray),
    View(&'a StringViewArray),
    /// The index of each row's value; none for a null.
    Dictionary(Vec<Option<usize>>, Box<Strings<'a>>),
    /// Nothing but nulls.
    Null,
}

/// Whether a column of this type has strings.
pub(crate) fn are_strings(data_type: &DataType) -> bool {
    match data_type {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View | DataType::Null => true,
        DataType::Dictionary(_, values) => are_strings(values),
        _ => false,
    }
}

impl<'a> Strings<'a> {
    /// The strings of the column `name`, which are checked to be UTF-8.
    pub(crate) fn of(name: &str, column: &'a dyn Array) -> PyResult<Strings<'a>> {
        // Libraries pass memory that has not been checked.
        column.to_data().validate_full().map_err(|error| {
            PyValueError::new_err(format!("the column {name:?} is damaged: {error}"))
        })?;
        Strings::of_valid(name, column)
    }

    fn of_valid(name: &str, column: &'a dyn Array) -> PyResult<Strings<'a>> {
        Ok(match column.data_type() {
            DataType::Utf8 => Strings::Small(column.as_string()),
            DataType::LargeUtf8 => Strings::Large(column.as_string()),
            DataType::Utf8View => Strings::View(column.as_string_view()),
            DataType::Null => Strings::Null,
            DataType::Dictionary(_, values) if are_strings(values) => {
                let dictionary = column.as_any_dictionary();
                if dictionary.values().is_empty() {
                    return Ok(Strings::Null);
                }
                let keys = dictionary.normalized_keys().into_iter().enumerate();
                let keys = keys.map(|(row, key)| (!dictionary.is_null(row)).then_some(key));
                let values = Strings::of_valid(name, dictionary.values().as_ref())?;
                Strings::Dictionary(keys.collect(), Box::new(values))
            }
            other => {
                let message = format!("the column {name:?} has the type {other}, not strings");
                return Err(PyTypeError::new_err(message));
            }
        })
    }

    /// The string of a row, unless it is null.
    pub(crate) fn get(&self, row: usize) -> Option<&'a str> {
        fn some<O: OffsetSizeTrait>(
            array: &arrow_array::GenericStringArray<O>,
            row: usize,
        ) -> Option<&str> {
            array.is_valid(row).then(|| array.value(row))
        }
        match self {
            Strings::Small(array) => some(array, row),
            Strings::Large(array) => some(array, row),
            Strings::View(array) => array.is_valid(row).then(|| array.value(row)),
            Strings::Dictionary(keys, values) => keys[row].and_then(|key| values.get(key)),
            Strings::Null => None,
        }
    }
}

/// The type of the strings that replace those of a column of this type.
pub(crate) fn plain(data_type: &DataType) -> DataType {
    match data_type {
        DataType::Dictionary(_, values) => plain(values),
        other => other.clone(),
    }
}

/// A column of the type that [`plain`] gives.
pub(crate) fn column<'t>(
    data_type: &DataType,
    rows: usize,
    bytes: usize,
    texts: impl Iterator<Item = Option<&'t str>>,
) -> ArrayRef {
    fn filled<'t, O: OffsetSizeTrait>(
        rows: usize,
        bytes: usize,
        texts: impl Iterator<Item = Option<&'t str>>,
    ) -> ArrayRef {
        let mut builder = GenericStringBuilder::<O>::with_capacity(rows, bytes);
        builder.extend(texts);
        Arc::new(builder.finish())
    }
    match data_type {
        DataType::LargeUtf8 => filled::<i64>(rows, bytes, texts),
        DataType::Utf8View => {
            let mut builder = StringViewBuilder::with_capacity(rows);
            builder.extend(texts);
            Arc::new(builder.finish())
        }
        DataType::Null => Arc::new(NullArray::new(rows)),
        _ => filled::<i32>(rows, bytes, texts),
    }
}
