//! Who listens to a document, and how they are called once a transaction is over and nothing is locked.

use std::sync::Arc;

use officina_crdt::{Changes, Event, SharedType};
use pyo3::exceptions::PyException;
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use super::event::{Announced, TransactionEvent, object};
use super::subdoc::SubdocsEvent;
use crate::errors::NativeError;

/// What is called, and how: found out once, when it is registered.
pub(super) struct Callback {
    function: Py<PyAny>,
    /// How many arguments it takes, as far as that matters: 0, 1 or 2.
    arguments: usize,
    /// Whether calling it only makes a coroutine, which the transaction's task group runs.
    is_async: bool,
}

impl Callback {
    /// Looks at what kind of function it is. One without a signature, as some built-in ones are, is given
    /// one argument.
    fn new(function: &Bound<'_, PyAny>) -> PyResult<Self> {
        let inspect = function.py().import("inspect")?;
        let arguments = match inspect.call_method1("signature", (function,)) {
            Ok(signature) => signature.getattr("parameters")?.len()?.min(2),
            Err(_) => 1,
        };
        let is_async = inspect.call_method1("iscoroutinefunction", (function,))?.is_truthy()?;
        Ok(Self { function: function.clone().unbind(), arguments, is_async })
    }

    /// The callback of a document, which is always given the event alone.
    pub(super) fn of_document(function: &Bound<'_, PyAny>) -> PyResult<Arc<Self>> {
        Ok(Arc::new(Self { arguments: 1, ..Self::new(function)? }))
    }

    /// The callback of a shared type, which may take the event, and the transaction after it.
    pub(super) fn of_type(function: &Bound<'_, PyAny>) -> PyResult<Arc<Self>> {
        Ok(Arc::new(Self::new(function)?))
    }

    fn call(&self, py: Python<'_>, event: Bound<'_, PyAny>, announced: &Arc<Announced>) -> PyResult<()> {
        let function = self.function.bind(py);
        if !self.is_async && self.arguments == 1 {
            return function.call1((event,)).map(drop);
        }
        let mut arguments = match self.arguments {
            0 => Vec::new(),
            1 => vec![event],
            _ => vec![event, announced.transaction(py)?.into_bound(py).into_any()],
        };
        if !self.is_async {
            return function.call1(PyTuple::new(py, arguments)?).map(drop);
        }
        let Some(group) = &announced.task_group else {
            let hint = "an async callback needs an async transaction: async with doc.transaction()";
            return Err(NativeError::local(hint).into());
        };
        arguments.insert(0, function.clone());
        group.bind(py).call_method1("start_soon", PyTuple::new(py, arguments)?).map(drop)
    }
}

/// An observer of shared types.
pub(super) struct TypeObserver {
    id: u64,
    /// The type it observes; [`None`] for all of the document's.
    target: Option<SharedType>,
    /// Whether it hears of what is inside as well, and is given a list.
    deep: bool,
    callback: Arc<Callback>,
}

/// Lists that an announcement shares; they are replaced, never changed.
type List<T> = Arc<[T]>;

/// Who listens to a document.
pub(super) struct Observers {
    next: u64,
    document: List<(u64, Arc<Callback>)>,
    types: List<Arc<TypeObserver>>,
    subdocuments: List<(u64, Arc<Callback>)>,
}

impl Default for Observers {
    fn default() -> Self {
        Self { next: 0, document: Arc::new([]), types: Arc::new([]), subdocuments: Arc::new([]) }
    }
}

impl Observers {
    pub(super) fn of_document(&self) -> bool {
        !self.document.is_empty()
    }

    pub(super) fn of_types(&self) -> bool {
        !self.types.is_empty()
    }

    pub(super) fn of_subdocuments(&self) -> bool {
        !self.subdocuments.is_empty()
    }

    pub(super) fn add(&mut self, callback: Arc<Callback>) -> u64 {
        self.next += 1;
        let added = (self.next, callback);
        self.document = self.document.iter().cloned().chain([added]).collect();
        self.next
    }

    pub(super) fn add_subdocuments(&mut self, callback: Arc<Callback>) -> u64 {
        self.next += 1;
        let added = (self.next, callback);
        self.subdocuments = self.subdocuments.iter().cloned().chain([added]).collect();
        self.next
    }

    pub(super) fn add_type(
        &mut self,
        target: Option<SharedType>,
        deep: bool,
        callback: Arc<Callback>,
    ) -> u64 {
        self.next += 1;
        let added = Arc::new(TypeObserver { id: self.next, target, deep, callback });
        self.types = self.types.iter().cloned().chain([added]).collect();
        self.next
    }

    /// Removes an observer. What it returns may run Python code when dropped: do that unlocked.
    #[must_use]
    pub(super) fn remove(&mut self, id: u64) -> impl Sized + use<> {
        let document = self.document.iter().filter(|(known, _)| *known != id).cloned().collect();
        let types = self.types.iter().filter(|observer| observer.id != id).cloned().collect();
        let subdocuments = self.subdocuments.iter().filter(|(known, _)| *known != id).cloned().collect();
        (
            std::mem::replace(&mut self.document, document),
            std::mem::replace(&mut self.types, types),
            std::mem::replace(&mut self.subdocuments, subdocuments),
        )
    }

    /// What there is to tell them of a transaction.
    pub(super) fn announcement(&self, announced: Announced) -> Announcement {
        Announcement {
            announced: Arc::new(announced),
            document: Arc::clone(&self.document),
            types: Arc::clone(&self.types),
            subdocuments: Arc::clone(&self.subdocuments),
        }
    }
}

/// What has to be told, and to whom, once nothing is locked.
pub(super) struct Announcement {
    pub(super) announced: Arc<Announced>,
    document: List<(u64, Arc<Callback>)>,
    types: List<Arc<TypeObserver>>,
    subdocuments: List<(u64, Arc<Callback>)>,
}

impl Announcement {
    /// Calls the observers: those of shared types, those of the document, those of its subdocuments. None is left out because
    /// another failed; their errors are gathered.
    pub(super) fn call(&self, py: Python<'_>, errors: &mut Vec<PyErr>) {
        for observer in self.types.iter() {
            let Some(argument) = self.argument(py, observer) else { continue };
            let outcome = argument.and_then(|event| observer.callback.call(py, event, &self.announced));
            errors.extend(outcome.err());
        }
        let Changes { subdocuments, .. } = &self.announced.changes;
        if !self.document.is_empty() && self.announced.changes.is_content() {
            let event = Bound::new(py, TransactionEvent::new(Arc::clone(&self.announced)));
            self.call_each(&self.document, event.map(Bound::into_any), errors);
        }
        if !self.subdocuments.is_empty() && !subdocuments.is_empty() {
            let event = Bound::new(py, SubdocsEvent::new(Arc::clone(&self.announced)));
            self.call_each(&self.subdocuments, event.map(Bound::into_any), errors);
        }
    }

    fn call_each(
        &self,
        callbacks: &[(u64, Arc<Callback>)],
        event: PyResult<Bound<'_, PyAny>>,
        errors: &mut Vec<PyErr>,
    ) {
        let event = match event {
            Ok(event) => event,
            Err(error) => return errors.push(error),
        };
        for (_, callback) in callbacks {
            errors.extend(callback.call(event.py(), event.clone(), &self.announced).err());
        }
    }

    /// The event that an observer is to be called with, or for a deep one the list of them.
    fn argument<'py>(&self, py: Python<'py>, observer: &TypeObserver) -> Option<PyResult<Bound<'py, PyAny>>> {
        let Changes { events, .. } = &self.announced.changes;
        let mut heard = events.iter().enumerate().filter_map(|(index, event)| {
            let levels = levels(event, observer)?;
            Some(object(py, &self.announced, index, levels))
        });
        if !observer.deep {
            return heard.next();
        }
        let first = heard.next()?;
        let all = std::iter::once(first).chain(heard).collect::<PyResult<Vec<_>>>();
        Some(all.and_then(|all| all.into_pyobject(py)))
    }
}

/// How many steps lead from the observed type to where the event took place; [`None`] if it is elsewhere.
fn levels(event: &Event, observer: &TypeObserver) -> Option<usize> {
    let Some(target) = observer.target else { return Some(event.path.len()) };
    if event.target == target {
        return Some(0);
    }
    if !observer.deep {
        return None;
    }
    event.lineage.iter().position(|&outer| outer == target)
}

/// The errors of observers as one `ExceptionGroup`, unless one of them is no `Exception`, such as
/// `KeyboardInterrupt`: that is raised as it is.
pub(super) fn raise(py: Python<'_>, mut errors: Vec<PyErr>) -> PyResult<()> {
    if errors.is_empty() {
        return Ok(());
    }
    if let Some(at) = errors.iter().position(|error| !error.is_instance_of::<PyException>(py)) {
        return Err(errors.swap_remove(at));
    }
    let errors: Vec<_> = errors.into_iter().map(|error| error.into_value(py)).collect();
    let group = py.import("builtins")?.getattr("ExceptionGroup")?;
    Err(PyErr::from_value(group.call1(("Observer callback error", errors))?))
}
