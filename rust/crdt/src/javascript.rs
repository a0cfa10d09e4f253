//! Plain values as JavaScript turns them into strings.

use crate::any::Any;
use crate::json_value::write_number;

/// Appends what `String(value)` gives in JavaScript.
///
/// # Source
/// ECMA-262, `ToString` and `Array.prototype.join`.
pub(crate) fn write_string(value: &Any, out: &mut String) {
    match value {
        Any::Undefined => out.push_str("undefined"),
        Any::Null => out.push_str("null"),
        Any::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
        Any::Integer(value) | Any::BigInt(value) => out.push_str(&value.to_string()),
        Any::Float(value) if value.is_nan() => out.push_str("NaN"),
        Any::Float(value) if value.is_infinite() => {
            out.push_str(if *value > 0.0 { "Infinity" } else { "-Infinity" });
        }
        Any::Float(value) => write_number(*value, out),
        Any::String(text) => out.push_str(text),
        Any::Binary(bytes) => write_joined(bytes, out, |byte, out| out.push_str(&byte.to_string())),
        Any::Array(items) => write_joined(items, out, |item, out| {
            if !matches!(item, Any::Undefined | Any::Null) {
                write_string(item, out);
            }
        }),
        Any::Object(_) => out.push_str("[object Object]"),
    }
}

fn write_joined<T>(items: &[T], out: &mut String, mut write: impl FnMut(&T, &mut String)) {
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        write(item, out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_inside_an_array_is_written_as_nothing() {
        let inner = Any::Array([Any::Integer(1), Any::Null, Any::Float(2.5)].into());
        let object = Any::Object([].into());
        let value = Any::Array([inner, Any::Undefined, object, Any::Binary([7, 8].into())].into());
        let mut out = String::new();
        write_string(&value, &mut out);
        assert_eq!(out, "1,,2.5,,[object Object],7,8");
    }

    #[test]
    fn what_is_no_finite_number_has_a_name() {
        let mut out = String::new();
        for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 1e21, -0.0] {
            write_string(&Any::Float(value), &mut out);
        }
        assert_eq!(out, "NaNInfinity-Infinity1e+210");
    }
}
