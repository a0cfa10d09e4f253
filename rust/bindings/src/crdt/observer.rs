//! Who listens to a document, and how they are called once a transaction is over and nothing is locked.

use std::sync::{Arc, OnceLock};

use officina_crdt::{Event, Listening, SharedType, Unit};
use pyo3::exceptions::PyException;
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyTuple};

use super::event::{Announced, TransactionEvent, object};
use super::subdoc::SubdocsEvent;
use crate::errors::NativeError;

/// What is called, and how: found out once, when it is registered.
pub(super) struct Callback {
    function: Function,
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
        Ok(Self { function: Function::of(function), arguments, is_async })
    }

    /// The callback of a document, which is always given the event alone.
    pub(super) fn of_document(function: &Bound<'_, PyAny>) -> PyResult<Arc<Self>> {
        Ok(Arc::new(Self { arguments: 1, ..Self::new(function)? }))
    }

    /// The callback of a shared type, which may take the event, and the transaction after it.
    pub(super) fn of_type(function: &Bound<'_, PyAny>) -> PyResult<Arc<Self>> {
        Ok(Arc::new(Self::new(function)?))
    }

    /// Whether it is called with the event and nothing else.
    #[inline]
    fn is_plain(&self) -> bool {
        !self.is_async && self.arguments == 1
    }

    #[inline]
    fn call(&self, event: &Bound<'_, PyAny>, announced: &Announced) -> PyResult<()> {
        if self.is_plain() {
            return self.function.call(event);
        }
        self.call_as_it_asks(event, announced)
    }

    fn call_as_it_asks(&self, event: &Bound<'_, PyAny>, announced: &Announced) -> PyResult<()> {
        let py = event.py();
        let function = self.function.object.bind(py);
        let mut arguments: Vec<_> = std::iter::once(event.clone()).take(self.arguments).collect();
        if self.arguments > 1 {
            arguments.push(announced.transaction(py)?.into_bound(py).into_any());
        }
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

/// What can be called with one argument.
struct Function {
    object: Py<PyAny>,
    /// How to call it at once, if it is written in C and takes one argument, like `list.append`, and what it belongs to.
    direct: Option<(ffi::PyCFunction, Py<PyAny>)>,
}

#[expect(unsafe_code, reason = "pyo3 has no such calls in the stable interface of Python 3.11")]
impl Function {
    fn of(object: &Bound<'_, PyAny>) -> Self {
        let pointer = object.as_ptr();
        // SAFETY: The object is alive and this thread holds the GIL, as `Bound` says; that it is a built-in function is
        // asked before anything else is; what one belongs to is borrowed from it, and becomes a reference of our own.
        let direct = unsafe {
            if ffi::PyCFunction_Check(pointer) != 0 && ffi::PyCFunction_GetFlags(pointer) == ffi::METH_O {
                let owner = Bound::from_borrowed_ptr_or_opt(object.py(), ffi::PyCFunction_GetSelf(pointer));
                ffi::PyCFunction_GetFunction(pointer).zip(owner.map(Bound::unbind))
            } else {
                None
            }
        };
        Self { object: object.clone().unbind(), direct }
    }

    fn clone_ref(&self, py: Python<'_>) -> Self {
        let direct = self.direct.as_ref().map(|(function, owner)| (*function, owner.clone_ref(py)));
        Self { object: self.object.clone_ref(py), direct }
    }

    /// Calls it. pyo3 puts the argument into a tuple first, which takes about as long as the call.
    #[inline]
    fn call(&self, argument: &Bound<'_, PyAny>) -> PyResult<()> {
        let (py, argument) = (argument.py(), argument.as_ptr());
        let end = std::ptr::null_mut::<ffi::PyObject>();
        // SAFETY: All objects are alive and this thread holds the GIL, as `Bound` says. A function that takes one argument
        // is given what it belongs to and that; of other calls the arguments end with a null pointer. What comes back is
        // a new reference, or null after an exception was raised.
        let result = unsafe {
            let result = if let Some((function, owner)) = &self.direct {
                function(owner.as_ptr(), argument)
            } else {
                ffi::PyObject_CallFunctionObjArgs(self.object.as_ptr(), argument, end)
            };
            Bound::from_owned_ptr_or_err(py, result)
        };
        result.map(drop)
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

/// What an observer of a document is given.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Subject {
    /// A [`TransactionEvent`].
    Document,
    /// The bytes of the transaction's update.
    Updates,
    /// A [`SubdocsEvent`].
    Subdocuments,
}

/// Who listens to a document. Announcements share it; it is replaced, never changed.
#[derive(Clone, Default)]
pub(super) struct Listeners {
    types: Vec<Arc<TypeObserver>>,
    document: Vec<(u64, Arc<Callback>)>,
    updates: Vec<(u64, Arc<Callback>)>,
    subdocuments: Vec<(u64, Arc<Callback>)>,
}

/// Functions that are called with an update and nothing else. A Python object, as each keystroke takes a reference to
/// it: one that is counted under the GIL takes a fraction of the time of an [`Arc`].
#[pyclass(frozen)]
pub(super) struct Hearers(OnceLock<Vec<Function>>);

impl Hearers {
    /// Room for them. Making an object can run Python code, so this comes before the document is locked. Without
    /// memory for it they hear of updates as all others do, by a longer way.
    pub(super) fn room(py: Python<'_>) -> Option<Py<Self>> {
        Py::new(py, Self(OnceLock::new())).ok()
    }

    /// Tells each of them. None is left out because another failed; their errors are gathered.
    #[inline]
    pub(super) fn hear(&self, update: &Bound<'_, PyBytes>, errors: &mut Vec<PyErr>) {
        for function in self.0.get().map_or(&[][..], Vec::as_slice) {
            if let Err(error) = function.call(update) {
                errors.push(error);
            }
        }
    }
}

/// The observers of a document, by the order in which they were registered.
pub(super) struct Observers {
    next: u64,
    /// In which types are observed.
    unit: Unit,
    listeners: Arc<Listeners>,
    /// Who is called with each update, if nobody listens for more of it.
    hearers: Option<Py<Hearers>>,
    /// What the engine has to notice for them.
    pub(super) listening: Listening,
}

impl Observers {
    /// None yet; types will be observed in this unit.
    pub(super) fn new(unit: Unit) -> Self {
        Self { next: 0, unit, listeners: Arc::default(), hearers: None, listening: Listening::default() }
    }

    pub(super) fn add(
        &mut self,
        py: Python<'_>,
        room: Option<Py<Hearers>>,
        subject: Subject,
        callback: Arc<Callback>,
    ) -> u64 {
        self.change(py, room, |listeners, id| {
            let observers = match subject {
                Subject::Document => &mut listeners.document,
                Subject::Updates => &mut listeners.updates,
                Subject::Subdocuments => &mut listeners.subdocuments,
            };
            observers.push((id, callback));
        })
    }

    pub(super) fn add_type(
        &mut self,
        py: Python<'_>,
        room: Option<Py<Hearers>>,
        target: Option<SharedType>,
        deep: bool,
        callback: Arc<Callback>,
    ) -> u64 {
        self.change(py, room, |listeners, id| {
            listeners.types.push(Arc::new(TypeObserver { id, target, deep, callback }));
        })
    }

    fn change(
        &mut self,
        py: Python<'_>,
        room: Option<Py<Hearers>>,
        change: impl FnOnce(&mut Listeners, u64),
    ) -> u64 {
        self.next += 1;
        let mut listeners = Listeners::clone(&self.listeners);
        change(&mut listeners, self.next);
        drop(self.replace(py, room, listeners));
        self.next
    }

    /// Removes an observer. What it returns may run Python code when dropped: do that unlocked.
    #[must_use]
    pub(super) fn remove(
        &mut self,
        py: Python<'_>,
        room: Option<Py<Hearers>>,
        id: u64,
    ) -> impl Sized + use<> {
        let mut listeners = Listeners::clone(&self.listeners);
        listeners.types.retain(|observer| observer.id != id);
        for observers in [&mut listeners.document, &mut listeners.updates, &mut listeners.subdocuments] {
            observers.retain(|(known, _)| *known != id);
        }
        self.replace(py, room, listeners)
    }

    /// Removes all of them. What it returns may run Python code when dropped: do that unlocked.
    #[must_use]
    pub(super) fn remove_all(&mut self, py: Python<'_>) -> impl Sized + use<> {
        self.replace(py, None, Listeners::default())
    }

    fn replace(&mut self, py: Python<'_>, room: Option<Py<Hearers>>, listeners: Listeners) -> Arc<Listeners> {
        let Listeners { types, document, updates, subdocuments } = &listeners;
        let only_updates = types.is_empty() && document.is_empty() && !updates.is_empty();
        self.hearers = room.filter(|_| only_updates && updates.iter().all(|(_, it)| it.is_plain()));
        if let Some(hearers) = &self.hearers {
            let function = |(_, callback): &(u64, Arc<Callback>)| callback.function.clone_ref(py);
            hearers.get().0.get_or_init(|| updates.iter().map(function).collect());
        }
        self.listening = Listening {
            changes: !document.is_empty(),
            updates: !updates.is_empty(),
            events: (!types.is_empty()).then_some(self.unit),
            subdocuments: !subdocuments.is_empty(),
        };
        std::mem::replace(&mut self.listeners, Arc::new(listeners))
    }

    /// Who is to be told of an update, if nobody listens for more of it.
    #[inline]
    pub(super) fn hearers(&self, py: Python<'_>) -> Option<Py<Hearers>> {
        self.hearers.as_ref().map(|hearers| hearers.clone_ref(py))
    }

    /// What there is to tell all of them of a transaction.
    pub(super) fn announcement(&self, announced: Arc<Announced>) -> Announcement {
        Announcement::All { announced, listeners: Arc::clone(&self.listeners) }
    }
}

/// An update of which nobody asks for more, and who is to be told of it.
pub(super) struct Told {
    pub(super) update: Py<PyBytes>,
    pub(super) hearers: Py<Hearers>,
}

/// What has to be told of a transaction, and to whom, once nothing is locked.
pub(super) enum Announcement {
    Update(Told),
    /// Whatever they ask.
    All {
        announced: Arc<Announced>,
        listeners: Arc<Listeners>,
    },
}

impl Announcement {
    pub(super) fn announced(&self) -> Option<&Arc<Announced>> {
        match self {
            Self::All { announced, .. } => Some(announced),
            Self::Update(_) => None,
        }
    }

    /// Calls the observers: those of one shared type, those of all in one, those of the document, of its updates and of
    /// its subdocuments.
    /// None is left out because another failed; their errors are gathered.
    pub(super) fn call(&self, py: Python<'_>, errors: &mut Vec<PyErr>) {
        let (announced, listeners) = match self {
            Self::Update(Told { update, hearers }) => return hearers.get().hear(update.bind(py), errors),
            Self::All { announced, listeners } => (announced, listeners),
        };
        let Listeners { types, document, updates, subdocuments } = &**listeners;
        let changes = &announced.changes;
        let of_one_type = types.iter().filter(|observer| !observer.deep);
        for observer in of_one_type.chain(types.iter().filter(|observer| observer.deep)) {
            let Some(argument) = argument(py, announced, observer) else { continue };
            let outcome = argument.and_then(|event| observer.callback.call(&event, announced));
            errors.extend(outcome.err());
        }
        if !document.is_empty() && changes.is_content() {
            let event = Bound::new(py, TransactionEvent::new(Arc::clone(announced)));
            call_each(document, event.map(Bound::into_any), announced, errors);
        }
        if let Some(update) = changes.update()
            && changes.is_content()
            && !updates.is_empty()
        {
            call_each(updates, Ok(PyBytes::new(py, update).into_any()), announced, errors);
        }
        if !subdocuments.is_empty() && !changes.subdocuments.is_empty() {
            let event = Bound::new(py, SubdocsEvent::new(Arc::clone(announced)));
            call_each(subdocuments, event.map(Bound::into_any), announced, errors);
        }
    }
}

fn call_each(
    callbacks: &[(u64, Arc<Callback>)],
    event: PyResult<Bound<'_, PyAny>>,
    announced: &Announced,
    errors: &mut Vec<PyErr>,
) {
    let event = match event {
        Ok(event) => event,
        Err(error) => return errors.push(error),
    };
    for (_, callback) in callbacks {
        errors.extend(callback.call(&event, announced).err());
    }
}

/// The event that an observer is to be called with, or for a deep one the list of them.
fn argument<'py>(
    py: Python<'py>,
    announced: &Arc<Announced>,
    observer: &TypeObserver,
) -> Option<PyResult<Bound<'py, PyAny>>> {
    let mut heard = announced.changes.events.iter().enumerate().filter_map(|(index, event)| {
        let levels = levels(event, observer)?;
        Some(object(py, announced, index, levels))
    });
    if !observer.deep {
        return heard.next();
    }
    let first = heard.next()?;
    let all = std::iter::once(first).chain(heard).collect::<PyResult<Vec<_>>>();
    Some(all.and_then(|all| all.into_pyobject(py)))
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
    event.outer.iter().position(|&outer| outer == target).map(|between| between + 1)
}

/// The errors of observers as one `ExceptionGroup`, unless one of them is no `Exception`, such as
/// `KeyboardInterrupt`: that is raised as it is.
pub(super) fn raise(py: Python<'_>, mut errors: Vec<PyErr>) -> PyResult<()> {
    if let Some(at) = errors.iter().position(|error| !error.is_instance_of::<PyException>(py)) {
        return Err(errors.swap_remove(at));
    }
    let errors: Vec<_> = errors.into_iter().map(|error| error.into_value(py)).collect();
    let group = py.import("builtins")?.getattr("ExceptionGroup")?;
    Err(PyErr::from_value(group.call1(("Observer callback error", errors))?))
}
