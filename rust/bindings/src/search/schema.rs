//! A schema from the arguments of `Index(...)`.

use officina_search::{Order, Schema, TextField, Typos};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString, PyTuple};

use crate::errors::NativeError;

/// Reads the arguments of `Index(...)`; see its documentation.
pub(super) fn schema(
    text: &Bound<'_, PyDict>,
    facets: Vec<String>,
    numbers: Vec<String>,
    order: Option<&Bound<'_, PyAny>>,
    typos: Option<&Bound<'_, PyAny>>,
    synonyms: Option<&Bound<'_, PyDict>>,
    stop_words: Vec<String>,
) -> PyResult<Schema> {
    let mut fields = Vec::with_capacity(text.len());
    for (name, weight) in text {
        fields.push(TextField::new(name.extract::<String>()?, weight.extract()?));
    }
    let mut schema = Schema::new(fields).facets(facets).numbers(numbers);
    schema.order = order.map_or(Ok(Vec::new()), columns)?.iter().map(|column| Order::parse(column)).collect();
    schema.stop_words = stop_words.iter().filter_map(|word| Schema::word(word)).collect();
    if let Some(typos) = typos {
        apply_typos(typos, &mut schema)?;
    }
    for (word, others) in synonyms.into_iter().flatten() {
        for other in columns(&others)? {
            let word: String = word.extract()?;
            match (Schema::word(&word), Schema::word(&other)) {
                (Some(word), Some(other)) => schema.synonyms.push((word, other)),
                _ => {
                    return Err(
                        NativeError::value(format!("{word:?} and {other:?}: a synonym is one word")).into()
                    );
                }
            }
        }
    }
    schema.validate().map_err(NativeError::from)?;
    Ok(schema)
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
