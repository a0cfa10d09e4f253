//! Documents from dicts and from columns.

use officina_search::{Change, Document, Schema};
use pyo3::buffer::{Element, PyBuffer};
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString};

use crate::errors::NativeError;

/// A document from a dict; fields of it that the schema does not have are left out.
pub(super) fn document(fields: &Bound<'_, PyDict>, schema: &Schema) -> PyResult<Document> {
    let mut document = Document::empty(id(fields)?, schema);
    change(fields, schema)?.apply(&mut document);
    Ok(document)
}

/// The id of a document.
pub(super) fn id(fields: &Bound<'_, PyDict>) -> PyResult<i64> {
    match fields.get_item("id")? {
        Some(id) => Ok(id.extract()?),
        None => Err(NativeError::value("a document needs an \"id\": an integer").into()),
    }
}

/// The fields that a dict has.
pub(super) fn change(fields: &Bound<'_, PyDict>, schema: &Schema) -> PyResult<Change> {
    let text = schema.text.iter().map(|field| value(fields, &field.name, string));
    let facets = schema.facets.iter().map(|name| value(fields, name, strings));
    let numbers = schema.numbers.iter().map(|name| value(fields, name, number));
    Ok(Change {
        text: text.collect::<PyResult<_>>()?,
        facets: facets.collect::<PyResult<_>>()?,
        numbers: numbers.collect::<PyResult<_>>()?,
    })
}

/// One field of a dict, as `read` reads it; a type error says which.
fn value<'py, T>(
    fields: &Bound<'py, PyDict>,
    name: &str,
    read: impl FnOnce(&Bound<'py, PyAny>) -> PyResult<T>,
) -> PyResult<Option<T>> {
    let Some(found) = fields.get_item(name)? else { return Ok(None) };
    read(&found).map(Some).map_err(|error| {
        if error.is_instance_of::<PyTypeError>(fields.py()) {
            let id =
                fields.get_item("id").ok().flatten().map_or(String::new(), |id| format!("document {id}, "));
            NativeError::kind(format!("{id}{name:?}: {}", error.value(fields.py()))).into()
        } else {
            error
        }
    })
}

/// A document as a dict.
pub(super) fn to_dict<'py>(
    py: Python<'py>,
    document: &Document,
    schema: &Schema,
) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    dict.set_item("id", document.id)?;
    for (field, text) in schema.text.iter().zip(&document.text) {
        dict.set_item(&field.name, text)?;
    }
    for (name, values) in schema.facets.iter().zip(&document.facets) {
        match values.as_slice() {
            [] => dict.set_item(name, py.None())?,
            [value] => dict.set_item(name, value)?,
            values => dict.set_item(name, values)?,
        }
    }
    for (name, &number) in schema.numbers.iter().zip(&document.numbers) {
        if number.is_nan() {
            dict.set_item(name, py.None())?;
        } else {
            dict.set_item(name, number)?;
        }
    }
    Ok(dict)
}

/// Documents from columns of one length: integers, strings, and numbers as arrays or anything with their items.
pub(super) fn documents(columns: &Bound<'_, PyDict>, schema: &Schema) -> PyResult<Vec<Document>> {
    let wanted = |name: &str| columns.get_item(name).map(|column| column.filter(|column| !column.is_none()));
    let ids = wanted("id")?.ok_or_else(|| NativeError::value("columns need an \"id\": integers"))?;
    let ids: Vec<i64> = match buffer::<i64>(&ids) {
        Some(ids) => ids?,
        None => ids.extract()?,
    };
    let mut documents: Vec<Document> =
        ids.into_iter().map(|id| Document { id, ..Document::default() }).collect();
    let rows = documents.len();
    let check = |name: &str, length: usize| {
        let message = || format!("column {name:?} has {length} rows, \"id\" has {rows}");
        if length == rows { Ok(()) } else { Err(NativeError::value(message())) }
    };
    for field in &schema.text {
        let column: Vec<String> = match wanted(&field.name)? {
            Some(column) => column.try_iter()?.map(|text| string(&text?)).collect::<PyResult<_>>()?,
            None => vec![String::new(); rows],
        };
        check(&field.name, column.len())?;
        documents.iter_mut().zip(column).for_each(|(document, text)| document.text.push(text));
    }
    for name in &schema.facets {
        let column: Vec<Vec<String>> = match wanted(name)? {
            Some(column) => column.try_iter()?.map(|values| strings(&values?)).collect::<PyResult<_>>()?,
            None => vec![Vec::new(); rows],
        };
        check(name, column.len())?;
        documents.iter_mut().zip(column).for_each(|(document, values)| document.facets.push(values));
    }
    for name in &schema.numbers {
        let column = wanted(name)?.map_or_else(|| Ok(vec![f64::NAN; rows]), |column| numbers(&column))?;
        check(name, column.len())?;
        documents.iter_mut().zip(column).for_each(|(document, number)| document.numbers.push(number));
    }
    Ok(documents)
}

/// A string; `None` is the empty one.
fn string(value: &Bound<'_, PyAny>) -> PyResult<String> {
    if value.is_none() { Ok(String::new()) } else { value.extract() }
}

/// A string, several, or none.
pub(super) fn strings(value: &Bound<'_, PyAny>) -> PyResult<Vec<String>> {
    if value.is_none() {
        Ok(Vec::new())
    } else if value.is_instance_of::<PyString>() {
        Ok(vec![value.extract()?])
    } else {
        value.try_iter()?.map(|item| item?.extract()).collect()
    }
}

fn numbers(column: &Bound<'_, PyAny>) -> PyResult<Vec<f64>> {
    #[expect(clippy::cast_precision_loss, reason = "a column has the precision of a float")]
    let integers = |integers: Vec<i64>| integers.into_iter().map(|number| number as f64).collect();
    if let Some(numbers) = buffer::<f64>(column) {
        return numbers;
    }
    if let Some(numbers) = buffer::<i64>(column) {
        return numbers.map(integers);
    }
    if let Some(numbers) = buffer::<f32>(column) {
        return Ok(numbers?.into_iter().map(f64::from).collect());
    }
    if let Some(numbers) = buffer::<i32>(column) {
        return Ok(numbers?.into_iter().map(f64::from).collect());
    }
    column.try_iter()?.map(|item| number(&item?)).collect()
}

/// A number; `None` is none.
fn number(value: &Bound<'_, PyAny>) -> PyResult<f64> {
    if value.is_none() { Ok(f64::NAN) } else { value.extract() }
}

fn buffer<T: Element>(column: &Bound<'_, PyAny>) -> Option<PyResult<Vec<T>>> {
    PyBuffer::<T>::get(column).ok().map(|buffer| buffer.to_vec(column.py()))
}
