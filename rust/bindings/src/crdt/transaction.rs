//! The classes of transactions: the one that joins, the new one, and the one that observers read in.

use std::sync::Arc;
use std::time::{Duration, Instant};

use pyo3::exceptions::{PyTimeoutError, PyTypeError};
use pyo3::prelude::*;
use pyo3::types::PyTuple;
use pyo3::{IntoPyObjectExt, PyClassInitializer};

use super::shared::{Shared, Tasks};
use crate::errors::NativeError;

/// How a transaction begins.
#[derive(Clone, Copy)]
enum Kind {
    /// Joins the one that is open on its thread.
    Joining,
    /// Waits until no other is open, at most that long.
    New { timeout: Option<Duration> },
    /// Belongs to one that is over; nothing can be changed in it.
    Read,
}

/// A transaction, to be used in a `with` or `async with` statement.
///
/// What is changed inside is one change: one update, one event per observer. It is not undone when an
/// exception leaves it. Other threads' changes wait until it ends.
///
/// `async with` can be used on any event loop that anyio knows. Observers that are coroutine functions run
/// in a task group of the transaction, and leaving it waits for them.
#[pyclass(frozen, subclass, weakref, module = "officina.crdt")]
pub(crate) struct Transaction {
    pub(super) shared: Arc<Shared>,
    origin: Option<Py<PyAny>>,
    kind: Kind,
}

/// A transaction that never joins another one, as `Doc.new_transaction()` makes it.
#[pyclass(frozen, extends = Transaction, module = "officina.crdt")]
pub(crate) struct NewTransaction;

/// A transaction in which the document can be read and not changed, as observers are given it. It stands
/// for the one that they hear of, which is over.
#[pyclass(frozen, extends = Transaction, module = "officina.crdt")]
pub(crate) struct ReadTransaction;

impl Transaction {
    pub(super) fn joining(
        py: Python<'_>,
        shared: Arc<Shared>,
        origin: Option<Py<PyAny>>,
    ) -> PyResult<Py<Self>> {
        check_origin(py, origin.as_ref())?;
        if let Some((object, open_origin)) = open_transaction(py, &shared) {
            check_same(py, origin.as_ref(), open_origin.as_ref())?;
            return Ok(object);
        }
        Py::new(py, Self { shared, origin, kind: Kind::Joining })
    }

    /// Whether `open` may go on inside of a transaction that began with another origin.
    fn check_joins(&self, py: Python<'_>) -> PyResult<()> {
        match (open_transaction(py, &self.shared), self.kind) {
            (Some((_, open_origin)), Kind::Joining) => {
                check_same(py, self.origin.as_ref(), open_origin.as_ref())
            }
            (Some(_), Kind::New { timeout: Some(_) }) => {
                let hint = "the transaction to wait for is open on this same thread";
                Err(PyTimeoutError::new_err(hint))
            }
            (Some(_), Kind::New { timeout: None }) => {
                Err(NativeError::local("already in a transaction").into())
            }
            _ => Ok(()),
        }
    }

    fn origin_ref(&self, py: Python<'_>) -> Option<Py<PyAny>> {
        self.origin.as_ref().map(|origin| origin.clone_ref(py))
    }
}

impl NewTransaction {
    pub(super) fn new(
        py: Python<'_>,
        shared: Arc<Shared>,
        origin: Option<Py<PyAny>>,
        timeout_s: Option<f64>,
    ) -> PyResult<Py<Self>> {
        check_origin(py, origin.as_ref())?;
        let timeout = timeout_s.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
        let base = Transaction { shared, origin, kind: Kind::New { timeout } };
        Py::new(py, PyClassInitializer::from(base).add_subclass(Self))
    }
}

impl ReadTransaction {
    pub(super) fn new(py: Python<'_>, shared: Arc<Shared>, origin: Option<Py<PyAny>>) -> PyResult<Py<Self>> {
        let base = Transaction { shared, origin, kind: Kind::Read };
        Py::new(py, PyClassInitializer::from(base).add_subclass(Self))
    }
}

type Origin = Option<Py<PyAny>>;

/// The transaction that is open on this thread, with its origin.
fn open_transaction(py: Python<'_>, shared: &Shared) -> Option<(Py<Transaction>, Origin)> {
    shared.open_here(py, |open| {
        (open.object.clone_ref(py), open.origin.as_ref().map(|origin| origin.clone_ref(py)))
    })
}

fn check_origin(py: Python<'_>, origin: Option<&Py<PyAny>>) -> PyResult<()> {
    match origin {
        Some(origin) if origin.bind(py).hash().is_err() => {
            Err(PyTypeError::new_err("Origin must be hashable"))
        }
        _ => Ok(()),
    }
}

fn check_same(py: Python<'_>, origin: Option<&Py<PyAny>>, open: Option<&Py<PyAny>>) -> PyResult<()> {
    let Some(origin) = origin else { return Ok(()) };
    let same = match open {
        Some(open) => origin.bind(py).eq(open)?,
        None => false,
    };
    if same {
        return Ok(());
    }
    let hint = "Nested transactions must have same origin as root transaction";
    Err(NativeError::local(hint).into())
}

#[pymethods]
impl Transaction {
    fn __enter__(slf: Bound<'_, Self>) -> PyResult<Bound<'_, Self>> {
        let (this, py) = (slf.get(), slf.py());
        if matches!(this.kind, Kind::Read) {
            this.shared.enter_reading(py);
            return Ok(slf);
        }
        if this.shared.try_open(&slf, this.origin_ref(py), None)? {
            return Ok(slf);
        }
        this.check_joins(py)?;
        let deadline = match this.kind {
            Kind::New { timeout: Some(timeout) } => Instant::now().checked_add(timeout),
            _ => None,
        };
        this.shared.enter(&slf, this.origin_ref(py), deadline)?;
        Ok(slf)
    }

    #[pyo3(signature = (_kind, error, _trace, /))]
    fn __exit__(
        &self,
        py: Python<'_>,
        _kind: &Bound<'_, PyAny>,
        error: &Bound<'_, PyAny>,
        _trace: &Bound<'_, PyAny>,
    ) -> PyResult<()> {
        if matches!(self.kind, Kind::Read) {
            self.shared.exit_reading(py);
            return Ok(());
        }
        self.shared.exit(py).map_err(|failure| {
            let raised = failure.value(py);
            if error.is_none() || raised.is(error) {
                return failure;
            }
            // As Python does when one exception comes while another is on its way.
            raised.setattr("__context__", error).err().unwrap_or(failure)
        })
    }

    fn __aenter__<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        asynchronous(slf.py())?.call_method1("enter", (slf,))
    }

    #[pyo3(signature = (*exception))]
    fn __aexit__<'py>(
        slf: &Bound<'py, Self>,
        exception: &Bound<'py, PyTuple>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let exception: Vec<Bound<'py, PyAny>> = exception.iter().collect();
        let arguments = std::iter::once(slf.clone().into_any()).chain(exception);
        asynchronous(slf.py())?.call_method1("leave", PyTuple::new(slf.py(), arguments.collect::<Vec<_>>())?)
    }

    /// What `Doc.transaction()` was given; `None` without one. Inside another transaction, that one's.
    ///
    /// Raises:
    ///     LocalProtocolError: the transaction is not open.
    #[getter]
    fn origin(&self, py: Python<'_>) -> PyResult<Origin> {
        if matches!(self.kind, Kind::Read) {
            return Ok(self.origin_ref(py));
        }
        match open_transaction(py, &self.shared) {
            Some((_, origin)) => Ok(origin),
            None => Err(NativeError::local("No current transaction").into()),
        }
    }

    /// Whether it waits for others instead of joining them.
    #[getter]
    fn _is_new(&self) -> bool {
        matches!(self.kind, Kind::New { .. })
    }

    /// How long it waits for others, in seconds.
    #[getter]
    fn _timeout_s(&self) -> Option<f64> {
        match self.kind {
            Kind::New { timeout } => timeout.map(|timeout| timeout.as_secs_f64()),
            Kind::Joining | Kind::Read => None,
        }
    }

    /// Opens it if no other transaction is open, on any thread; returns whether it did.
    fn _open(slf: &Bound<'_, Self>, group: Py<PyAny>, task: u64) -> PyResult<bool> {
        let this = slf.get();
        this.shared.try_open(slf, this.origin_ref(slf.py()), Some(Tasks { group, task }))
    }

    /// Of the transaction that is open on this thread: its depth, its task group and its task.
    fn _open_here(&self, py: Python<'_>) -> PyResult<Option<Py<PyAny>>> {
        let open =
            self.shared.open_here(py, |open| (open.depth, open.tasks.as_ref().map(|t| t.clone_ref(py))));
        open.map(|(depth, tasks)| match tasks {
            Some(tasks) => (depth, Some(tasks.group), Some(tasks.task)).into_py_any(py),
            None => (depth, py.None(), py.None()).into_py_any(py),
        })
        .transpose()
    }

    /// Has `callback` called when the transaction that is open on this thread is over; returns whether one is.
    fn _when_over(&self, py: Python<'_>, callback: Py<PyAny>) -> bool {
        self.shared.when_over(py, callback)
    }

    /// Waits until no other thread's transaction is open.
    fn _wait(&self, py: Python<'_>) -> PyResult<()> {
        self.shared.wait(py)
    }
}

/// The Python module with the coroutines behind `async with`.
fn asynchronous(py: Python<'_>) -> PyResult<Bound<'_, PyModule>> {
    py.import("officina.crdt.asynchronous")
}
