//! Filters from dicts.

use officina_search::{Filter, Schema};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};

use super::document::strings;
use crate::errors::NativeError;

/// Nested dicts are followed so deep; the engine then refuses less.
const MAX_DEPTH: usize = 64;

/// The filters of a dict, all of which must be fulfilled; see `Index.search`.
pub(super) fn filters(dict: &Bound<'_, PyDict>, schema: &Schema) -> PyResult<Vec<Filter>> {
    read(dict, schema, MAX_DEPTH)
}

fn read(dict: &Bound<'_, PyDict>, schema: &Schema, depth: usize) -> PyResult<Vec<Filter>> {
    let Some(depth) = depth.checked_sub(1) else {
        return Err(NativeError::value("the filters are nested too deep").into());
    };
    let mut filters = Vec::with_capacity(dict.len());
    for (name, wanted) in dict {
        let name: String = name.extract()?;
        filters.push(if schema.facets.contains(&name) {
            Filter::OneOf(name, strings(&wanted)?)
        } else if schema.numbers.contains(&name) {
            numbers(name, &wanted)?
        } else {
            let parts = || {
                wanted.try_iter()?.map(|part| all(&part?, schema, depth)).collect::<PyResult<Vec<Filter>>>()
            };
            match name.as_str() {
                "all_of" => Filter::All(parts()?),
                "any_of" => Filter::Any(parts()?),
                "none_of" => Filter::Not(Box::new(Filter::Any(parts()?))),
                _ => {
                    let known = schema.facets.iter().chain(&schema.numbers).map(String::as_str);
                    let known = known.chain(["all_of", "any_of", "none_of"]).collect::<Vec<_>>().join(", ");
                    return Err(NativeError::value(format!("filters know {known}, not {name:?}")).into());
                }
            }
        });
    }
    Ok(filters)
}

fn all(part: &Bound<'_, PyAny>, schema: &Schema, depth: usize) -> PyResult<Filter> {
    Ok(Filter::All(read(part.cast::<PyDict>()?, schema, depth)?))
}

/// A number, `(least, most)`, or several numbers.
fn numbers(name: String, wanted: &Bound<'_, PyAny>) -> PyResult<Filter> {
    let one = |number: f64| Filter::Range(name.clone(), Some(number), Some(number));
    if let Ok(number) = wanted.extract::<f64>() {
        return Ok(one(number));
    }
    if wanted.is_instance_of::<PyTuple>() {
        let (least, most) = wanted.extract::<(Option<f64>, Option<f64>)>().map_err(|_| {
            NativeError::kind(format!("{name:?}: a range is (least, most), None where it has no end"))
        })?;
        return Ok(Filter::Range(name, least, most));
    }
    let numbers: PyResult<Vec<Filter>> =
        wanted.try_iter()?.map(|number| Ok(one(number?.extract()?))).collect();
    Ok(Filter::Any(numbers?))
}
