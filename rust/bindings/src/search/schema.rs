//! A schema from the arguments of `Index(...)`.

use officina_search::{Language, Order, Schema, TextField, Typos};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString, PyTuple};

use crate::errors::NativeError;

/// Reads the fields among the arguments of `Index(...)`; see its documentation.
pub(super) fn schema(
    text: &Bound<'_, PyDict>,
    facets: Vec<String>,
    numbers: Vec<String>,
    order: Option<&Bound<'_, PyAny>>,
    typos: Option<&Bound<'_, PyAny>>,
) -> PyResult<Schema> {
    let mut fields = Vec::with_capacity(text.len());
    for (name, weight) in text {
        fields.push(TextField::new(name.extract::<String>()?, weight.extract()?));
    }
    let mut schema = Schema::new(fields).facets(facets).numbers(numbers);
    schema.order = order.map_or(Ok(Vec::new()), columns)?.iter().map(|column| Order::parse(column)).collect();
    if let Some(typos) = typos {
        apply_typos(typos, &mut schema)?;
    }
    Ok(schema)
}

/// Reads what the arguments of `Index(...)` say about words.
pub(super) fn vocabulary(
    schema: &mut Schema,
    language: Option<&str>,
    synonyms: Option<&Bound<'_, PyDict>>,
    stop_words: Option<&Bound<'_, PyAny>>,
) -> PyResult<()> {
    schema.language = language.map(Language::named).transpose().map_err(NativeError::from)?;
    for (word, others) in synonyms.into_iter().flatten() {
        for other in columns(&others)? {
            schema.synonyms.push((word.extract()?, other));
        }
    }
    if let Some(stop_words) = stop_words {
        schema.stop_words = listed(stop_words, schema.language)?;
    }
    Ok(())
}

/// Stop words: a list, those of the language with this name, or, for `True`, of the index's own.
fn listed(stop_words: &Bound<'_, PyAny>, language: Option<Language>) -> PyResult<Vec<String>> {
    if let Ok(own) = stop_words.extract::<bool>() {
        return match (own, language) {
            (false, _) => Ok(Vec::new()),
            (true, Some(language)) => Ok(language.stop_words()),
            (true, None) => {
                Err(NativeError::value("stop_words=True are those of the language, and none is given").into())
            }
        };
    }
    if stop_words.is_instance_of::<PyString>() {
        let named = Language::named(stop_words.extract()?).map_err(NativeError::from)?;
        return Ok(named.stop_words());
    }
    stop_words.extract()
}

/// A string, or several.
fn columns(value: &Bound<'_, PyAny>) -> PyResult<Vec<String>> {
    if value.is_instance_of::<PyString>() { Ok(vec![value.extract()?]) } else { value.extract() }
}

/// `False`, `(one_from, two_from)`, or a dict of fields and whether they forgive typos.
fn apply_typos(typos: &Bound<'_, PyAny>, schema: &mut Schema) -> PyResult<()> {
    if let Ok(any) = typos.extract::<bool>() {
        schema.typos = if any { Typos::default() } else { Typos::NONE };
    } else if typos.is_instance_of::<PyTuple>() {
        let (one_from, two_from) = typos.extract()?;
        schema.typos = Typos { one_from, two_from, ..Typos::default() };
    } else {
        for (name, forgives) in typos.cast::<PyDict>()? {
            let name: String = name.extract()?;
            let field = schema.text.iter_mut().find(|field| field.name == name);
            let field =
                field.ok_or_else(|| NativeError::value(format!("typos: {name:?} is no text field")))?;
            field.typos = forgives.extract()?;
        }
    }
    Ok(())
}
