//! Documents from dicts and from columns.

use officina_search::{Document, Schema};
use pyo3::buffer::{Element, PyBuffer};
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString};

use crate::errors::NativeError;

/// A document from a dict; fields of it that the schema does not have are left out.
pub(super) fn document(fields: &Bound<'_, PyDict>, schema: &Schema) -> PyResult<Document> {
    let mut document = Document {
        id: id(fields)?,
        text: vec![String::new(); schema.text.len()],
        facets: vec![Vec::new(); schema.facets.len()],
        numbers: vec![f64::NAN; schema.numbers.len()],
    };
    change(&mut document, fields, schema)?;
    Ok(document)
}

/// The id of a document.
pub(super) fn id(fields: &Bound<'_, PyDict>) -> PyResult<i64> {
    match fields.get_item("id")? {
        Some(id) => Ok(id.extract()?),
        None => Err(NativeError::value("a document needs an \"id\": an integer").into()),
    }
}

/// Sets the fields that a dict has.
pub(super) fn change(document: &mut Document, fields: &Bound<'_, PyDict>, schema: &Schema) -> PyResult<()> {
    let id = document.id;
    let named = |name: &str, error: PyErr| {
        if error.is_instance_of::<PyTypeError>(fields.py()) {
            NativeError::kind(format!("document {id}, {name:?}: {}", error.value(fields.py()))).into()
        } else {
            error
        }
    };
    for (field, text) in schema.text.iter().zip(&mut document.text) {
        if let Some(value) = fields.get_item(&field.name)? {
            *text = string(&value).map_err(|error| named(&field.name, error))?;
        }
    }
    for (name, values) in schema.facets.iter().zip(&mut document.facets) {
        if let Some(value) = fields.get_item(name)? {
            *values = strings(&value).map_err(|error| named(name, error))?;
        }
    }
    for (name, number) in schema.numbers.iter().zip(&mut document.numbers) {
        if let Some(value) = fields.get_item(name)? {
            *number = if value.is_none() {
                f64::NAN
            } else {
                value.extract().map_err(|error| named(name, error))?
            };
        }
    }
    Ok(())
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
    let number = |item: Bound<'_, PyAny>| if item.is_none() { Ok(f64::NAN) } else { item.extract() };
    column.try_iter()?.map(|item| number(item?)).collect()
}

fn buffer<T: Element>(column: &Bound<'_, PyAny>) -> Option<PyResult<Vec<T>>> {
    PyBuffer::<T>::get(column).ok().map(|buffer| buffer.to_vec(column.py()))
}
