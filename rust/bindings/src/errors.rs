//! Engine errors become the matching class in `officina.errors`.

use officina_crdt::{BatchError, DecodeError};
use pyo3::exceptions::{PyIndexError, PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyType;

/// An engine error on its way to Python: which class of `officina.errors`, and the message.
pub(crate) struct NativeError {
    class: Class,
    message: String,
}

#[derive(Clone, Copy)]
enum Class {
    Decode,
    LocalProtocol,
    Index,
    Value,
    Type,
}

impl Class {
    fn resolve(self, py: Python<'_>) -> PyResult<Bound<'_, PyType>> {
        static DECODE: PyOnceLock<Py<PyType>> = PyOnceLock::new();
        static LOCAL: PyOnceLock<Py<PyType>> = PyOnceLock::new();
        match self {
            Self::Decode => DECODE.import(py, "officina.errors", "DecodeError").cloned(),
            Self::LocalProtocol => LOCAL.import(py, "officina.errors", "LocalProtocolError").cloned(),
            Self::Index => Ok(py.get_type::<PyIndexError>()),
            Self::Value => Ok(py.get_type::<PyValueError>()),
            Self::Type => Ok(py.get_type::<PyTypeError>()),
        }
    }
}

impl NativeError {
    /// Bytes are not what they should be: `officina.errors.DecodeError`.
    pub(crate) fn decode(message: impl Into<String>) -> Self {
        Self { class: Class::Decode, message: message.into() }
    }

    /// The same error, saying which of many it was.
    pub(crate) fn in_place(self, place: &str) -> Self {
        Self { message: format!("{place}{}", self.message), ..self }
    }

    /// The caller broke the contract: `officina.errors.LocalProtocolError`.
    pub(crate) fn local(message: impl Into<String>) -> Self {
        Self { class: Class::LocalProtocol, message: message.into() }
    }

    /// A position is out of range: `IndexError`.
    pub(crate) fn index(message: impl Into<String>) -> Self {
        Self { class: Class::Index, message: message.into() }
    }

    /// An argument has the right type and a wrong value: `ValueError`.
    pub(crate) fn value(message: impl Into<String>) -> Self {
        Self { class: Class::Value, message: message.into() }
    }

    /// An argument has the wrong type: `TypeError`.
    pub(crate) fn kind(message: impl Into<String>) -> Self {
        Self { class: Class::Type, message: message.into() }
    }
}

impl From<DecodeError> for NativeError {
    fn from(error: DecodeError) -> Self {
        Self { class: Class::Decode, message: error.to_string() }
    }
}

impl From<BatchError> for NativeError {
    fn from(error: BatchError) -> Self {
        Self { class: Class::Decode, message: error.to_string() }
    }
}

impl From<NativeError> for PyErr {
    fn from(error: NativeError) -> Self {
        Python::attach(|py| match error.class.resolve(py) {
            Ok(class) => PyErr::from_type(class, error.message),
            Err(import_failed) => import_failed,
        })
    }
}

/// Runs `work` without the GIL; its error becomes the matching class in `officina.errors`.
pub(crate) fn run<T: Send, E: Into<NativeError> + Send>(
    py: Python<'_>,
    work: impl FnOnce() -> Result<T, E> + Send,
) -> PyResult<T> {
    py.detach(work).map_err(|error| PyErr::from(error.into()))
}
