//! Engine errors become the matching class in `officina.errors`.

use std::io;

use officina_crdt::{BatchError, DecodeError};
use officina_search::SearchError;
use pyo3::exceptions::{PyIndexError, PyKeyError, PyOSError, PyTypeError, PyValueError};
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
    Key,
    Os(io::ErrorKind),
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
            Self::Key => Ok(py.get_type::<PyKeyError>()),
            Self::Os(_) => Ok(py.get_type::<PyOSError>()),
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

    /// There is nothing by this name: `KeyError`.
    pub(crate) fn key(message: impl Into<String>) -> Self {
        Self { class: Class::Key, message: message.into() }
    }

    /// A file cannot be read or written: `OSError`, or the class below it that fits.
    pub(crate) fn io(error: &io::Error) -> Self {
        Self { class: Class::Os(error.kind()), message: error.to_string() }
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

impl From<SearchError> for NativeError {
    fn from(error: SearchError) -> Self {
        match error {
            SearchError::Damaged(_) => Self::decode(error.to_string()),
            other => Self::value(other.to_string()),
        }
    }
}

impl From<NativeError> for PyErr {
    fn from(error: NativeError) -> Self {
        if let Class::Os(kind) = error.class {
            return io::Error::new(kind, error.message).into();
        }
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
