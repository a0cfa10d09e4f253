//! The class `Index`.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Instant;

use officina_search::{Cursor, Document, Order, Query, Schema, SearchError, Snapshot};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyType};

use super::results::Results;
use super::{document, file, filter, schema};
use crate::errors::{NativeError, run};

/// More threads are not started, whatever was asked for.
const MAX_THREADS: usize = 64;

/// A search index: typo-tolerant, changed and searched from any thread, in memory or in a file.
///
/// Searches read snapshots and never wait for changes; changes are visible when their call returns. The GIL is released
/// while documents are indexed and while several or slow queries are answered.
///
/// Args:
///     text: the text fields and how much each counts, 1 to 1,000. The heaviest is the title: what matches it whole, or
///         begins it, comes first.
///     facets: columns of strings; a document has one value, several (a list), or none.
///     numbers: columns of numbers; a document has one or none.
///     order: what decides between documents that match equally well: a number column or several, "-" in front for
///         descending. Documents that tie even then come by their ids.
///     typos: `False` for none; `(5, 9)`, the default, forgives one from 5 letters and two from 9; a dict of text fields
///         and bools says where a mistyped word may match. A wrong first letter counts double.
///     language: "english" and other names of languages; words of one stem then find each other, as "shoes" and "shoe".
///     synonyms: words, and the words that they find besides themselves; either may be several words in a row, at most 8.
///     stop_words: words that a query with others may leave unmatched: a list, the name of a language for its most common
///         words, or `True` for those of `language`.
///
/// Raises:
///     ValueError: the fields contradict each other, or there is no such language; the message says how, or which there are.
#[pyclass(frozen, module = "officina.search")]
pub(super) struct Index {
    inner: Arc<officina_search::Index>,
    merging: Arc<AtomicBool>,
}

impl Index {
    fn of(index: officina_search::Index) -> Self {
        Self { inner: Arc::new(index), merging: Arc::default() }
    }

    /// Adds documents without the GIL.
    fn put(&self, py: Python<'_>, documents: &[Document]) -> PyResult<()> {
        run(py, || self.inner.add(documents))?;
        self.merge_soon();
        Ok(())
    }

    /// Starts a thread that merges what is due, unless one is at it.
    fn merge_soon(&self) {
        if !self.inner.snapshot().is_due() || self.merging.swap(true, Ordering::AcqRel) {
            return;
        }
        let (index, merging) = (self.inner.clone(), self.merging.clone());
        let merge = move || {
            // Without the merge the index is as right as before, only larger: the next change tries again.
            while index.merge().is_ok_and(|merged| merged) {}
            merging.store(false, Ordering::Release);
        };
        if std::thread::Builder::new().name("officina-search".into()).spawn(merge).is_err() {
            self.merging.store(false, Ordering::Release);
        }
    }
}

/// The options of a search.
struct Options<'py> {
    prefix: bool,
    filters: Option<Bound<'py, PyDict>>,
    sort: &'py str,
    facets: Option<Vec<String>>,
    limit: usize,
    offset: usize,
    after: Option<String>,
}

impl Options<'_> {
    fn query(&self, text: String, schema: &Schema) -> PyResult<Query> {
        let filters = self.filters.as_ref().map_or(Ok(Vec::new()), |dict| filter::filters(dict, schema))?;
        Ok(Query {
            text,
            prefix: self.prefix,
            filters,
            sort: (self.sort != "relevance").then(|| Order::parse(self.sort)),
            limit: self.limit,
            offset: self.offset,
            after: self.after.as_deref().map(Cursor::parse).transpose().map_err(NativeError::from)?,
            facets: self.facets.clone().unwrap_or_default(),
            count: false,
        })
    }
}

fn answer(snapshot: &Arc<Snapshot>, query: Query) -> Result<Results, SearchError> {
    let start = Instant::now();
    let found = snapshot.search(&query)?;
    Ok(Results::new(snapshot.clone(), query, found, start.elapsed()))
}

#[pymethods]
impl Index {
    #[new]
    #[pyo3(signature = (text, *, facets=None, numbers=None, order=None, typos=None, language=None, synonyms=None, stop_words=None))]
    #[expect(clippy::too_many_arguments, reason = "they are the keywords of Index(...)")]
    fn new(
        text: &Bound<'_, PyDict>,
        facets: Option<Vec<String>>,
        numbers: Option<Vec<String>>,
        order: Option<&Bound<'_, PyAny>>,
        typos: Option<&Bound<'_, PyAny>>,
        language: Option<&str>,
        synonyms: Option<&Bound<'_, PyDict>>,
        stop_words: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Self> {
        let [facets, numbers] = [facets, numbers].map(Option::unwrap_or_default);
        let mut schema = schema::schema(text, facets, numbers, order, typos)?;
        schema::vocabulary(&mut schema, language, synonyms, stop_words)?;
        Ok(Self::of(officina_search::Index::new(schema).map_err(NativeError::from)?))
    }

    /// Opens an index that `save` wrote, and reads from the file from then on; changes stay in memory until it is saved
    /// again. The file must not be changed in place while it is open: `save` never does.
    ///
    /// Raises:
    ///     DecodeError: the file is damaged, or of another version; build the index again from its source.
    ///     OSError: there is no such file, or it cannot be read.
    #[classmethod]
    fn open(_class: &Bound<'_, PyType>, py: Python<'_>, path: PathBuf) -> PyResult<Self> {
        let snapshot = run(py, || file::open(&path))?;
        Ok(Self::of(officina_search::Index::of(snapshot)))
    }

    /// Writes the index to a file, in place of the one that is there: whole and synced, or not at all.
    ///
    /// Raises:
    ///     OSError: it cannot be written; what was there stays.
    fn save(&self, py: Python<'_>, path: PathBuf) -> PyResult<()> {
        let snapshot = self.inner.snapshot();
        run(py, || file::save(&snapshot, &path))
    }

    /// Adds a document in place of the one with its "id", if any. Fields that the index does not have are left out.
    ///
    /// Raises:
    ///     ValueError: it has no "id", or more text than 64 MiB.
    ///     TypeError: a field has the wrong type.
    fn add(&self, py: Python<'_>, document: &Bound<'_, PyDict>) -> PyResult<()> {
        let document = document::document(document, self.inner.snapshot().schema())?;
        self.put(py, &[document])
    }

    /// Adds documents, all or, when one is wrong, none; much faster than one by one.
    fn add_many(&self, py: Python<'_>, documents: &Bound<'_, PyAny>) -> PyResult<()> {
        let snapshot = self.inner.snapshot();
        let documents = documents
            .try_iter()?
            .map(|fields| document::document(fields?.cast::<PyDict>()?, snapshot.schema()));
        let documents: Vec<Document> = documents.collect::<PyResult<_>>()?;
        self.put(py, &documents)
    }

    /// Adds documents from columns: a dict of names and arrays, lists or other sequences of one length.
    fn add_columns(&self, py: Python<'_>, columns: &Bound<'_, PyDict>) -> PyResult<()> {
        let documents = document::documents(columns, self.inner.snapshot().schema())?;
        self.put(py, &documents)
    }

    /// Changes the fields of a document that are given, and leaves the others.
    ///
    /// Raises:
    ///     KeyError: there is no document with this "id".
    fn update(&self, py: Python<'_>, fields: &Bound<'_, PyDict>) -> PyResult<()> {
        let id = document::id(fields)?;
        let change = document::change(fields, self.inner.snapshot().schema())?;
        if !run(py, || self.inner.update(id, change))? {
            return Err(NativeError::key(id.to_string()).into());
        }
        self.merge_soon();
        Ok(())
    }

    /// Removes the document with this id; returns whether there was one.
    fn remove(&self, py: Python<'_>, id: i64) -> bool {
        let removed = py.detach(|| self.inner.remove(id));
        self.merge_soon();
        removed
    }

    /// The document with this id as it was added, or None.
    fn get<'py>(&self, py: Python<'py>, id: i64) -> PyResult<Option<Bound<'py, PyDict>>> {
        let snapshot = self.inner.snapshot();
        snapshot.get(id).map(|found| document::to_dict(py, &found, snapshot.schema())).transpose()
    }

    /// Finds documents that hold every word of the query, typos forgiven, the best first.
    ///
    /// Args:
    ///     text: what was typed; without any word, everything is found.
    ///     prefix: whether the last word may be unfinished, as while somebody types.
    ///     filters: what documents must fulfil: `{"category": "template"}`, a list for one of several; for numbers
    ///         `(least, most)` with None for no end, a number, or a list of them; `"any_of"`, `"all_of"` and `"none_of"`
    ///         with lists of such dicts.
    ///     sort: "relevance" or a number column, "-" in front for descending; fewer typos come first in any case.
    ///     facets: the facets of which the values are counted among all that is found. A facet that is filtered counts
    ///         what would be found without this filter.
    ///     limit: how many to return, at most; offset and limit together at most 10,000.
    ///     offset: how many to leave out before.
    ///     after: the `cursor` of the page before this one, instead of an offset; it reaches as far as one likes.
    ///
    /// Raises:
    ///     ValueError: a column that there is not, a query above 1 MiB, a page too far; the message says what.
    #[pyo3(signature = (text="", *, prefix=false, filters=None, sort="relevance", facets=None, limit=20, offset=0, after=None))]
    #[expect(clippy::too_many_arguments, reason = "they are the keywords of search(...)")]
    fn search(
        &self,
        py: Python<'_>,
        text: &str,
        prefix: bool,
        filters: Option<Bound<'_, PyDict>>,
        sort: &str,
        facets: Option<Vec<String>>,
        limit: usize,
        offset: usize,
        after: Option<String>,
    ) -> PyResult<Results> {
        let snapshot = self.inner.snapshot();
        let options = Options { prefix, filters, sort, facets, limit, offset, after };
        let query = options.query(text.to_owned(), snapshot.schema())?;
        run(py, || answer(&snapshot, query))
    }

    /// Answers several queries with the same options, on as many threads as asked for; results in the order of the texts.
    #[pyo3(signature = (texts, *, threads=1, prefix=false, filters=None, sort="relevance", facets=None, limit=20, offset=0))]
    #[expect(clippy::too_many_arguments, reason = "they are the keywords of search_many(...)")]
    fn search_many(
        &self,
        py: Python<'_>,
        texts: Vec<String>,
        threads: usize,
        prefix: bool,
        filters: Option<Bound<'_, PyDict>>,
        sort: &str,
        facets: Option<Vec<String>>,
        limit: usize,
        offset: usize,
    ) -> PyResult<Vec<Results>> {
        let snapshot = self.inner.snapshot();
        let options = Options { prefix, filters, sort, facets, limit, offset, after: None };
        let queries = texts.into_iter().map(|text| options.query(text, snapshot.schema()));
        let queries: Vec<Query> = queries.collect::<PyResult<_>>()?;
        run(py, || {
            // Queries differ so much in length that each thread takes the next one when it is ready.
            let next = AtomicUsize::new(0);
            let work = || -> Result<Vec<(usize, Results)>, SearchError> {
                let taken = std::iter::from_fn(|| {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    queries.get(at).map(|query| (at, query))
                });
                taken.map(|(at, query)| Ok((at, answer(&snapshot, query.clone())?))).collect()
            };
            let parts = std::thread::scope(|scope| {
                let helpers: Vec<_> = (1..threads.clamp(1, MAX_THREADS)).map(|_| scope.spawn(work)).collect();
                let own = work();
                let others = helpers.into_iter().map(|thread| match thread.join() {
                    Ok(answers) => answers,
                    Err(panic) => std::panic::resume_unwind(panic),
                });
                std::iter::once(own).chain(others).collect::<Result<Vec<_>, _>>()
            });
            let mut answers: Vec<(usize, Results)> = parts?.into_iter().flatten().collect();
            answers.sort_unstable_by_key(|(at, _)| *at);
            Ok::<_, SearchError>(answers.into_iter().map(|(_, results)| results).collect())
        })
    }

    /// Titles that what was typed so far may become, the best first.
    #[pyo3(signature = (text, *, limit=5))]
    fn suggest(&self, py: Python<'_>, text: &str, limit: usize) -> PyResult<Vec<String>> {
        let snapshot = self.inner.snapshot();
        run(py, || snapshot.suggest(text, limit))
    }

    /// The documents that have the most telling words in common with the one with this id; scores say how similar.
    ///
    /// Raises:
    ///     ValueError: there is no such document, or a filter names a column that there is not.
    #[pyo3(signature = (id, *, filters=None, limit=10))]
    fn similar(
        &self,
        py: Python<'_>,
        id: i64,
        filters: Option<&Bound<'_, PyDict>>,
        limit: usize,
    ) -> PyResult<Results> {
        let snapshot = self.inner.snapshot();
        let filters = filters.map_or(Ok(Vec::new()), |dict| filter::filters(dict, snapshot.schema()))?;
        let query = Query { filters, limit, ..Query::new("") };
        run(py, || {
            let start = Instant::now();
            let similar = snapshot.similar(id, &query)?;
            Ok::<_, SearchError>(Results::similar(snapshot.clone(), query, similar, start.elapsed()))
        })
    }

    /// Merges what has become many small parts, now rather than in the background.
    fn merge(&self, py: Python<'_>) -> PyResult<()> {
        run(py, || -> Result<(), SearchError> {
            while self.inner.merge()? {}
            Ok(())
        })
    }

    /// The names of the fields: a dict of "text", the heaviest first, "facets" and "numbers".
    #[getter]
    fn fields<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let snapshot = self.inner.snapshot();
        let schema = snapshot.schema();
        let fields = PyDict::new(py);
        fields.set_item("text", schema.text.iter().map(|field| &field.name).collect::<Vec<_>>())?;
        fields.set_item("facets", &schema.facets)?;
        fields.set_item("numbers", &schema.numbers)?;
        Ok(fields)
    }

    fn __len__(&self) -> usize {
        self.inner.snapshot().len()
    }

    fn __contains__(&self, id: i64) -> bool {
        self.inner.snapshot().contains(id)
    }

    fn __repr__(&self) -> String {
        format!("<Index of {} documents>", self.inner.snapshot().len())
    }
}
