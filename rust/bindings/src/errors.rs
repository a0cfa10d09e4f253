//! Engine errors become the matching class in `officina.errors`.

use officina_crdt::DecodeError;
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
}

impl Class {
    fn resolve(self, py: Python<'_>) -> PyResult<&Bound<'_, PyType>> {
        static DECODE: PyOnceLock<Py<PyType>> = PyOnceLock::new();
        static LOCAL: PyOnceLock<Py<PyType>> = PyOnceLock::new();
        match self {
            Self::Decode => DECODE.import(py, "officina.errors", "DecodeError"),
            Self::LocalProtocol => LOCAL.import(py, "officina.errors", "LocalProtocolError"),
        }
    }
}

impl NativeError {
    /// The caller broke the contract: `officina.errors.LocalProtocolError`.
    pub(crate) fn local(message: impl Into<String>) -> Self {
        Self { class: Class::LocalProtocol, message: message.into() }
    }
}

impl From<DecodeError> for NativeError {
    fn from(error: DecodeError) -> Self {
        Self { class: Class::Decode, message: error.to_string() }
    }
}

impl From<NativeError> for PyErr {
    fn from(error: NativeError) -> Self {
        Python::attach(|py| match error.class.resolve(py) {
            Ok(class) => PyErr::from_type(class.clone(), error.message),
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
