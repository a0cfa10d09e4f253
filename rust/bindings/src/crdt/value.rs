//! Plain values and nested shared types, to and from Python.

use std::sync::Arc;

use officina_crdt::{
    Any, Attributes, Doc as Engine, EditError, Id, Input, NewSubdocument, SharedType, Tree, TypeTag, Unit,
    Value,
};
use pyo3::IntoPyObjectExt;
use pyo3::exceptions::{PyOverflowError, PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyByteArray, PyBytes, PyDict, PyFloat, PyInt, PyList, PyString, PyTuple, PyType};

use super::array::Array;
use super::doc::Doc;
use super::handle::{BaseType, Handle, Handled, Home};
use super::map::Map;
use super::shared::Shared;
use super::subdoc;
use super::text::Text;
use super::xml::{XmlElement, XmlFragment, XmlText, element_parts, node_of};
use crate::errors::NativeError;

/// How deep a value given to a shared type may nest.
const MAX_DEPTH: usize = 200;
/// The largest integer that a JavaScript number holds exactly.
const MAX_SAFE_INTEGER: u64 = (1 << 53) - 1;

/// What is to be put into a document, converted from Python before anything is locked.
pub(super) enum Prelim {
    Any(Any),
    Text(String, Py<BaseType>),
    Array(Vec<Prelim>, Py<BaseType>),
    Map(Vec<(String, Prelim)>, Py<BaseType>),
    XmlText(String, Py<BaseType>),
    XmlFragment(Vec<Prelim>, Py<BaseType>),
    XmlElement(Element, Py<BaseType>),
    Doc(NewSubdocument, Arc<Shared>),
}

/// Of how many units a change counts that inserts such values. Shared types are inserted with the GIL held, whatever the
/// count, so that no other thread inserts them meanwhile.
pub(super) fn weight<'a>(units: usize, mut values: impl Iterator<Item = &'a Prelim>) -> usize {
    if values.all(|value| matches!(value, Prelim::Any(_))) { units } else { 0 }
}

/// What an XML element is to start with.
pub(super) struct Element {
    name: String,
    attributes: Vec<(String, Prelim)>,
    children: Vec<Prelim>,
}

impl Prelim {
    /// What is inserted for it before it is filled; [`None`] for a plain value.
    pub(super) fn empty(&self) -> Option<Input> {
        match self {
            Self::XmlElement(element, _) => Some(Input::Element(element.name.as_str().into())),
            _ => self.tag().map(Input::Type),
        }
    }

    /// The shared type that it becomes; [`None`] for a plain value.
    pub(super) fn tag(&self) -> Option<TypeTag> {
        match self {
            Self::Any(_) | Self::Doc(..) => None,
            Self::Text(..) => Some(TypeTag::Text),
            Self::Array(..) => Some(TypeTag::Array),
            Self::Map(..) => Some(TypeTag::Map),
            Self::XmlText(..) => Some(TypeTag::XmlText),
            Self::XmlFragment(..) => Some(TypeTag::XmlFragment),
            Self::XmlElement(..) => Some(TypeTag::XmlElement),
        }
    }

    /// The shared type that it becomes as a root.
    ///
    /// # Errors
    /// `ValueError` for a part of an XML tree, `TypeError` for a plain value.
    pub(super) fn root_tag(&self) -> PyResult<TypeTag> {
        match self.tag() {
            Some(TypeTag::XmlElement | TypeTag::XmlText) => {
                Err(PyValueError::new_err("the root of an XML tree is an XmlFragment; put the node into one"))
            }
            Some(tag) => Ok(tag),
            None => Err(PyTypeError::new_err("a root must be a Text, an Array, a Map or an XmlFragment")),
        }
    }
}

/// The shared type that a class stands for.
///
/// # Errors
/// `TypeError` for any other class.
pub(super) fn tag_of(class: &Bound<'_, PyType>) -> PyResult<TypeTag> {
    let py = class.py();
    let known = [
        (py.get_type::<Text>(), TypeTag::Text),
        (py.get_type::<Array>(), TypeTag::Array),
        (py.get_type::<Map>(), TypeTag::Map),
        (py.get_type::<XmlFragment>(), TypeTag::XmlFragment),
        (py.get_type::<XmlElement>(), TypeTag::XmlElement),
        (py.get_type::<XmlText>(), TypeTag::XmlText),
    ];
    let found = known.into_iter().find(|(known, _)| class.is_subclass(known).unwrap_or_default());
    let hint = "type must be Text, Array, Map, XmlFragment, XmlElement or XmlText";
    found.map(|(_, tag)| tag).ok_or_else(|| PyTypeError::new_err(hint))
}

/// An object that became part of a document, to be told so once it is unlocked.
pub(super) enum Settled {
    Type(Py<BaseType>, SharedType),
    Doc(Arc<Shared>, Id),
}

impl Settled {
    pub(super) fn tell(self, shared: &Arc<Shared>) {
        match self {
            Self::Type(object, target) => {
                object.get().handle.settle(Home { shared: Arc::clone(shared), target });
            }
            Self::Doc(document, id) => Python::attach(|py| subdoc::settle(py, &document, shared, id)),
        }
    }
}

/// Converts what the user wants to insert; `seen` refuses one new shared type in two places.
pub(super) fn prelim(object: &Bound<'_, PyAny>, seen: &mut Vec<usize>) -> PyResult<Prelim> {
    prelim_nested(object, seen, 0)
}

fn prelim_nested(object: &Bound<'_, PyAny>, seen: &mut Vec<usize>, depth: usize) -> PyResult<Prelim> {
    check_depth(depth)?;
    let py = object.py();
    if let Ok(text) = object.cast::<Text>() {
        let initial = take_initial(py, text.handle(), object, seen)?;
        let content = initial.map_or(Ok(String::new()), |initial| initial.extract(py))?;
        return Ok(Prelim::Text(content, text.as_super().clone().unbind()));
    }
    if let Ok(array) = object.cast::<Array>() {
        let mut items = Vec::new();
        if let Some(initial) = take_initial(py, array.handle(), object, seen)? {
            for item in initial.bind(py).try_iter()? {
                items.push(prelim_nested(&item?, seen, depth + 1)?);
            }
        }
        return Ok(Prelim::Array(items, array.as_super().clone().unbind()));
    }
    if let Ok(map) = object.cast::<Map>() {
        let mut entries = Vec::new();
        if let Some(initial) = take_initial(py, map.handle(), object, seen)? {
            for (key, value) in initial.bind(py).cast::<PyDict>()? {
                entries.push((key_of(&key)?, prelim_nested(&value, seen, depth + 1)?));
            }
        }
        return Ok(Prelim::Map(entries, map.as_super().clone().unbind()));
    }
    if let Ok(base) = object.cast::<BaseType>() {
        return prelim_xml(base, seen, depth);
    }
    if let Ok(document) = object.cast::<Doc>() {
        let shared = document.get().shared();
        refuse_twice(object, seen)?;
        return Ok(Prelim::Doc(subdoc::new(py, shared)?, Arc::clone(shared)));
    }
    any_nested(object, depth).map(Prelim::Any)
}

fn prelim_xml(base: &Bound<'_, BaseType>, seen: &mut Vec<usize>, depth: usize) -> PyResult<Prelim> {
    let py = base.py();
    let object = base.clone().unbind();
    let initial = take_initial(py, &base.get().handle, base.as_any(), seen)?;
    let initial = initial.as_ref().map(|initial| initial.bind(py));
    let mut nodes = |nodes: &Bound<'_, PyAny>| -> PyResult<Vec<Prelim>> {
        nodes.try_iter()?.map(|node| prelim_nested(&node_of(&node?)?, seen, depth + 1)).collect()
    };
    if base.is_instance_of::<XmlFragment>() {
        return Ok(Prelim::XmlFragment(initial.map_or_else(|| Ok(Vec::new()), nodes)?, object));
    }
    let initial = initial.ok_or_else(|| PyTypeError::new_err("not a shared type that can be inserted"))?;
    if base.is_instance_of::<XmlText>() {
        return Ok(Prelim::XmlText(initial.extract()?, object));
    }
    let (name, attributes, children) = element_parts(initial)?;
    let children = nodes(&children)?;
    let attributes = attributes.iter().map(|pair| {
        let (key, value) = pair.extract::<(Bound<'_, PyAny>, Bound<'_, PyAny>)>()?;
        Ok((key_of(&key)?, prelim_nested(&value, seen, depth + 1)?))
    });
    let attributes = attributes.collect::<PyResult<_>>()?;
    Ok(Prelim::XmlElement(Element { name, attributes, children }, object))
}

fn take_initial(
    py: Python<'_>,
    handle: &Handle,
    object: &Bound<'_, PyAny>,
    seen: &mut Vec<usize>,
) -> PyResult<Option<Py<PyAny>>> {
    if handle.is_integrated() {
        return Err(in_one_place());
    }
    refuse_twice(object, seen)?;
    Ok(handle.initial(py))
}

fn refuse_twice(object: &Bound<'_, PyAny>, seen: &mut Vec<usize>) -> PyResult<()> {
    let address = object.as_ptr() as usize;
    if seen.contains(&address) {
        return Err(in_one_place());
    }
    seen.push(address);
    Ok(())
}

fn in_one_place() -> PyErr {
    let hint = "a shared type can be in one place only; insert a new one, or a copy of its to_py()";
    NativeError::local(hint).into()
}

/// A key.
///
/// # Errors
/// `LocalProtocolError` when it is no string.
pub(super) fn key_of(key: &Bound<'_, PyAny>) -> PyResult<String> {
    match key.cast::<PyString>() {
        Ok(key) => Ok(key.to_str()?.to_owned()),
        Err(_) => Err(NativeError::local(format!("keys must be str, not {}", key.get_type().name()?)).into()),
    }
}

/// A key inside a plain value.
fn inner_key(key: &Bound<'_, PyAny>) -> PyResult<Box<str>> {
    match key.cast::<PyString>() {
        Ok(key) => Ok(key.to_str()?.into()),
        Err(_) => Err(PyTypeError::new_err(format!("keys must be str, not {}", key.get_type().name()?))),
    }
}

fn check_depth(depth: usize) -> PyResult<()> {
    if depth <= MAX_DEPTH {
        return Ok(());
    }
    Err(PyValueError::new_err(format!("the value is nested deeper than {MAX_DEPTH} levels")))
}

/// Converts a plain value.
pub(super) fn any(object: &Bound<'_, PyAny>) -> PyResult<Any> {
    any_nested(object, 0)
}

fn any_nested(object: &Bound<'_, PyAny>, depth: usize) -> PyResult<Any> {
    check_depth(depth)?;
    if object.is_none() {
        return Ok(Any::Null);
    }
    if let Ok(text) = object.cast::<PyString>() {
        return Ok(Any::String(text.to_str()?.into()));
    }
    if let Ok(value) = object.cast::<PyBool>() {
        return Ok(Any::Bool(value.is_true()));
    }
    if object.is_instance_of::<PyInt>() {
        let value: i64 = object
            .extract()
            .map_err(|_| PyOverflowError::new_err("integers must fit 64 bits; store larger ones as str"))?;
        let safe = value.unsigned_abs() <= MAX_SAFE_INTEGER;
        return Ok(if safe { Any::Integer(value) } else { Any::BigInt(value) });
    }
    if let Ok(value) = object.cast::<PyFloat>() {
        return Ok(Any::Float(value.value()));
    }
    if let Ok(bytes) = object.cast::<PyBytes>() {
        return Ok(Any::Binary(bytes.as_bytes().into()));
    }
    if let Ok(bytes) = object.cast::<PyByteArray>() {
        return Ok(Any::Binary(bytes.to_vec().into()));
    }
    if let Ok(entries) = object.cast::<PyDict>() {
        let entries =
            entries.iter().map(|(key, value)| Ok((inner_key(&key)?, any_nested(&value, depth + 1)?)));
        return Ok(Any::Object(entries.collect::<PyResult<_>>()?));
    }
    if object.is_instance_of::<PyList>() || object.is_instance_of::<PyTuple>() {
        let items = object.try_iter()?.map(|item| any_nested(&item?, depth + 1));
        return Ok(Any::Array(items.collect::<PyResult<_>>()?));
    }
    let class = object.get_type();
    let class = class.name()?;
    Err(PyTypeError::new_err(if object.cast::<BaseType>().is_ok() {
        format!("{class} cannot be part of a plain list or dict; put it into an Array or a Map")
    } else {
        format!(
            "{class} cannot be shared; use None, bool, int, float, str, bytes, list, dict, or a Text, Array or Map"
        )
    }))
}

/// Where a [`Prelim`] goes.
#[derive(Clone, Copy)]
pub(super) enum Slot<'a> {
    Index(SharedType, u32),
    Key(SharedType, &'a str),
    /// Into a text, counted in this unit and with these attributes.
    Embed(SharedType, u32, Unit, &'a Attributes),
}

/// Puts a value, and all that is in it, into the document.
pub(super) fn insert(
    engine: &mut Engine,
    slot: Slot<'_>,
    value: Prelim,
    settled: &mut Vec<Settled>,
) -> Result<(), EditError> {
    let mut put = |input| match slot {
        Slot::Index(target, index) => engine.insert_input(target, index, input),
        Slot::Key(target, key) => engine.set(target, key, input),
        Slot::Embed(target, index, unit, attributes) => {
            engine.insert_embed(target, index, input, unit, attributes)
        }
    };
    let input = match value {
        Prelim::Any(value) => return put(Input::Any(value)).map(drop),
        Prelim::Doc(new, document) => {
            put(Input::Doc(new))?;
            settled.extend(engine.latest().map(|id| Settled::Doc(document, id)));
            return Ok(());
        }
        ref shared => shared.empty(),
    };
    match input.map(put).transpose()?.flatten() {
        Some(target) => fill(engine, target, value, settled),
        None => Ok(()),
    }
}

/// Fills a shared type with what its object was made with.
pub(super) fn fill(
    engine: &mut Engine,
    target: SharedType,
    value: Prelim,
    settled: &mut Vec<Settled>,
) -> Result<(), EditError> {
    match value {
        Prelim::Any(_) | Prelim::Doc(..) => Ok(()),
        Prelim::Text(content, object) | Prelim::XmlText(content, object) => {
            engine.insert_text(target, 0, &content, Unit::CodePoint)?;
            settled.push(Settled::Type(object, target));
            Ok(())
        }
        Prelim::Array(items, object) | Prelim::XmlFragment(items, object) => {
            insert_all(engine, target, 0, items, settled)?;
            settled.push(Settled::Type(object, target));
            Ok(())
        }
        Prelim::Map(entries, object) => {
            for (key, value) in entries {
                insert(engine, Slot::Key(target, &key), value, settled)?;
            }
            settled.push(Settled::Type(object, target));
            Ok(())
        }
        Prelim::XmlElement(Element { attributes, children, .. }, object) => {
            insert_all(engine, target, 0, children, settled)?;
            for (key, value) in attributes {
                insert(engine, Slot::Key(target, &key), value, settled)?;
            }
            settled.push(Settled::Type(object, target));
            Ok(())
        }
    }
}

/// Inserts elements in order; neighboring plain values become one run.
pub(super) fn insert_all(
    engine: &mut Engine,
    target: SharedType,
    index: u32,
    items: Vec<Prelim>,
    settled: &mut Vec<Settled>,
) -> Result<(), EditError> {
    let mut at = index;
    let mut plain = Vec::new();
    for item in items {
        if let Prelim::Any(value) = item {
            plain.push(value);
            continue;
        }
        at += insert_plain(engine, target, at, &mut plain)?;
        insert(engine, Slot::Index(target, at), item, settled)?;
        at += 1;
    }
    insert_plain(engine, target, at, &mut plain).map(drop)
}

fn insert_plain(
    engine: &mut Engine,
    target: SharedType,
    at: u32,
    plain: &mut Vec<Any>,
) -> Result<u32, EditError> {
    let count = u32::try_from(plain.len()).map_err(|_| EditError::Full { units: plain.len() })?;
    engine.insert_values(target, at, std::mem::take(plain))?;
    Ok(count)
}

/// A plain value as a Python object; `undefined` becomes `None`.
pub(super) fn any_to_py(py: Python<'_>, value: &Any) -> PyResult<Py<PyAny>> {
    match value {
        Any::Undefined | Any::Null => Ok(py.None()),
        Any::Bool(value) => value.into_py_any(py),
        Any::Integer(value) | Any::BigInt(value) => value.into_py_any(py),
        Any::Float(value) => value.into_py_any(py),
        Any::String(text) => Ok(PyString::new(py, text).into_any().unbind()),
        Any::Binary(bytes) => Ok(PyBytes::new(py, bytes).into_any().unbind()),
        Any::Array(items) => {
            let items = items.iter().map(|item| any_to_py(py, item)).collect::<PyResult<Vec<_>>>()?;
            items.into_py_any(py)
        }
        Any::Object(entries) => {
            let dict = PyDict::new(py);
            for (key, value) in entries {
                dict.set_item(&**key, any_to_py(py, value)?)?;
            }
            dict.into_py_any(py)
        }
    }
}

pub(super) fn json_to_py(py: Python<'_>, text: &str) -> PyResult<Py<PyAny>> {
    py.import("json")?.call_method1("loads", (text,)).map(Bound::unbind)
}

/// One element or entry; a shared type becomes an object that refers to it. The document must be unlocked.
pub(super) fn value_to_py(py: Python<'_>, shared: &Arc<Shared>, value: &Value) -> PyResult<Py<PyAny>> {
    match value {
        Value::Any(value) => any_to_py(py, value),
        Value::Json(text) => json_to_py(py, text),
        Value::Type(target) => type_to_py(py, shared, *target),
        Value::Doc(found) => subdoc::to_py(py, shared, found),
    }
}

/// An object that refers to a shared type; an XML hook is a `Map`.
pub(super) fn type_to_py(py: Python<'_>, shared: &Arc<Shared>, target: SharedType) -> PyResult<Py<PyAny>> {
    let known = shared.glance(py, |engine, _| engine.tag(target));
    let tag = known.unwrap_or_else(|| shared.read(py, |engine| engine.likely_tag(target)));
    let handle = Handle::at(Home { shared: Arc::clone(shared), target });
    match tag {
        TypeTag::Text => Py::new(py, BaseType::of(handle, Text)).map(Py::into_any),
        TypeTag::Array => Py::new(py, BaseType::of(handle, Array)).map(Py::into_any),
        TypeTag::Map | TypeTag::XmlHook => Py::new(py, BaseType::of(handle, Map)).map(Py::into_any),
        TypeTag::XmlText => Py::new(py, BaseType::of(handle, XmlText)).map(Py::into_any),
        TypeTag::XmlElement => Py::new(py, BaseType::of(handle, XmlElement)).map(Py::into_any),
        TypeTag::XmlFragment => Py::new(py, BaseType::of(handle, XmlFragment)).map(Py::into_any),
    }
}

/// A shared type with everything in it, as plain Python values; a subdocument stays a `Doc`.
pub(super) fn tree_to_py(py: Python<'_>, shared: &Arc<Shared>, tree: &Tree) -> PyResult<Py<PyAny>> {
    match tree {
        Tree::Any(value) => any_to_py(py, value),
        Tree::Json(text) => json_to_py(py, text),
        Tree::Text(text) => Ok(PyString::new(py, text).into_any().unbind()),
        Tree::List(items) => {
            let items =
                items.iter().map(|item| tree_to_py(py, shared, item)).collect::<PyResult<Vec<_>>>()?;
            items.into_py_any(py)
        }
        Tree::Map(entries) => {
            let dict = PyDict::new(py);
            for (key, value) in entries {
                dict.set_item(&**key, tree_to_py(py, shared, value)?)?;
            }
            dict.into_py_any(py)
        }
        Tree::Doc(found) => subdoc::to_py(py, shared, found),
    }
}

/// Reads a shared type whole.
pub(super) fn to_py(py: Python<'_>, home: &Home) -> PyResult<Py<PyAny>> {
    let tree = home.shared.read_detached(py, |engine| engine.tree(home.target));
    tree_to_py(py, &home.shared, &tree.map_err(|error| PyValueError::new_err(error.to_string()))?)
}

/// A value as plain Python: of a shared type its `to_py()`.
pub(super) fn plain(value: &Bound<'_, PyAny>) -> PyResult<Py<PyAny>> {
    if value.cast::<BaseType>().is_ok() {
        return value.call_method0("to_py").map(Bound::unbind);
    }
    Ok(value.clone().unbind())
}

/// What JSON makes of what it does not know: of bytes a list of numbers, of a document an object with its guid.
///
/// Raises:
///     TypeError: `value` is neither.
#[pyfunction]
fn json_form<'py>(value: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    let py = value.py();
    if let Ok(bytes) = value.cast::<PyBytes>() {
        return Ok(PyList::new(py, bytes.as_bytes())?.into_any());
    }
    let Ok(document) = value.cast::<Doc>() else {
        return Err(PyTypeError::new_err(format!("{} has no JSON form", value.get_type().name()?)));
    };
    let plain = PyDict::new(py);
    plain.set_item("guid", document.getattr("guid")?)?;
    Ok(plain.into_any())
}

/// Plain Python values as compact JSON.
pub(super) fn to_json(value: Option<&Bound<'_, PyAny>>) -> PyResult<String> {
    let Some(value) = value else { return Ok("null".to_owned()) };
    let py = value.py();
    let options = PyDict::new(py);
    options.set_item("separators", (",", ":"))?;
    options.set_item("ensure_ascii", false)?;
    options.set_item("default", wrap_pyfunction!(json_form, py)?)?;
    py.import("json")?.call_method("dumps", (value,), Some(&options))?.extract()
}
