//! Tables from and for other libraries, through the Arrow PyCapsule interface.
//!
//! A *table* is a schema and batches of rows. Nothing is copied: columns share the memory of the
//! library that made them.

use std::ffi::CStr;
use std::sync::Arc;

use arrow_array::ffi::from_ffi;
use arrow_array::ffi_stream::{ArrayStreamReader, FFI_ArrowArrayStream};
use arrow_array::{
    Array, ArrayReader, ArrayRef, RecordBatch, RecordBatchIterator, RecordBatchOptions,
    StructArray, make_array,
};
use arrow_data::ffi::FFI_ArrowArray;
use arrow_schema::ffi::FFI_ArrowSchema;
use arrow_schema::{ArrowError, DataType, Field, Schema, SchemaRef};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyCapsule, PyTuple};

const ARRAY: &CStr = c"arrow_array";
const SCHEMA: &CStr = c"arrow_schema";
const STREAM: &CStr = c"arrow_array_stream";

/// A schema and batches of rows.
#[derive(Clone, Debug)]
pub(crate) struct Table {
    pub(crate) schema: SchemaRef,
    pub(crate) batches: Vec<RecordBatch>,
}

/// The exception for an error of Arrow.
pub(crate) fn arrow_error(error: &ArrowError) -> PyErr {
    PyValueError::new_err(error.to_string())
}

impl Table {
    /// The table of an object of another library. A column on its own becomes a table with one
    /// column of this name.
    pub(crate) fn of(object: &Bound<'_, PyAny>, column: &str) -> PyResult<Table> {
        if object.hasattr("__arrow_c_stream__")? {
            let capsule = object.call_method0("__arrow_c_stream__")?.cast_into::<PyCapsule>()?;
            let pointer = capsule.pointer_checked(Some(STREAM))?.cast::<FFI_ArrowArrayStream>();
            // SAFETY: a capsule of this name points to a stream, which is moved out of it.
            let reader = unsafe { ArrayStreamReader::from_raw(pointer.as_ptr()) };
            let reader = reader.map_err(|error| arrow_error(&error))?;
            let field = Arc::clone(reader.field());
            // The producer may wait for another thread that needs Python's lock.
            let arrays = object.py().detach(|| reader.collect::<Result<Vec<_>, _>>());
            return Table::from_arrays(
                &field,
                arrays.map_err(|error| arrow_error(&error))?,
                column,
            );
        }
        if object.hasattr("__arrow_c_array__")? {
            let capsules = object.call_method0("__arrow_c_array__")?.cast_into::<PyTuple>()?;
            let (schema, array): (Bound<'_, PyCapsule>, Bound<'_, PyCapsule>) =
                capsules.extract()?;
            let schema = schema.pointer_checked(Some(SCHEMA))?.cast::<FFI_ArrowSchema>();
            let array = array.pointer_checked(Some(ARRAY))?.cast::<FFI_ArrowArray>();
            // SAFETY: capsules of these names point to a schema, which is only read, and to an array,
            // which is moved out of its capsule.
            let (field, data) = unsafe {
                let array = FFI_ArrowArray::from_raw(array.as_ptr());
                (Field::try_from(schema.as_ref()), from_ffi(array, schema.as_ref()))
            };
            let field = field.map_err(|error| arrow_error(&error))?;
            let array = make_array(data.map_err(|error| arrow_error(&error))?);
            return Table::from_arrays(&field, vec![array], column);
        }
        let found = object.get_type().name()?;
        Err(PyTypeError::new_err(format!(
            "expected a table with the Arrow PyCapsule interface, such as one of pyarrow, polars, \
             pandas (2.2 or newer) or duckdb, not {found}"
        )))
    }

    fn from_arrays(field: &Field, arrays: Vec<ArrayRef>, column: &str) -> PyResult<Table> {
        let DataType::Struct(fields) = field.data_type() else {
            let field = field.clone().with_name(column).with_nullable(true);
            let schema = Arc::new(Schema::new(vec![field]));
            let batch = |array| RecordBatch::try_new(Arc::clone(&schema), vec![array]);
            let batches = arrays.into_iter().map(batch).collect::<Result<_, _>>();
            return Ok(Table { batches: batches.map_err(|error| arrow_error(&error))?, schema });
        };
        let schema = Schema::new(fields.clone()).with_metadata(field.metadata().clone());
        let schema = Arc::new(schema);
        let batch = |array: ArrayRef| {
            if array.null_count() > 0 {
                return Err(PyValueError::new_err("the rows of a table cannot be null"));
            }
            let rows = array.len();
            let columns = StructArray::from(array.to_data()).into_parts().1;
            rows_of(&schema, columns, rows)
        };
        let batches = arrays.into_iter().map(batch).collect::<PyResult<_>>()?;
        Ok(Table { schema, batches })
    }

    /// A capsule with its batches, for other libraries.
    pub(crate) fn stream<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyCapsule>> {
        let batches = self.batches.clone().into_iter().map(Ok);
        let reader = RecordBatchIterator::new(batches, Arc::clone(&self.schema));
        PyCapsule::new_with_value(py, FFI_ArrowArrayStream::new(Box::new(reader)), STREAM)
    }

    /// A capsule with its schema, for other libraries.
    pub(crate) fn schema<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyCapsule>> {
        let schema = FFI_ArrowSchema::try_from(self.schema.as_ref());
        PyCapsule::new_with_value(py, schema.map_err(|error| arrow_error(&error))?, SCHEMA)
    }
}

/// A batch with these columns, of which there may be none.
pub(crate) fn rows_of(
    schema: &SchemaRef,
    columns: Vec<ArrayRef>,
    rows: usize,
) -> PyResult<RecordBatch> {
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    let batch = RecordBatch::try_new_with_options(Arc::clone(schema), columns, &options);
    batch.map_err(|error| arrow_error(&error))
}
