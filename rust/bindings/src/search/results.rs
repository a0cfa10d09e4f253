//! What a search returns: the classes `Results` and `Hit`.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use officina_search::{Exactness, Explanation, Query, Rank, Snapshot};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBytes, PyDict, PyList};

use crate::errors::run;

/// Letters of a text that is highlighted.
const SNIPPET: usize = 200;

/// What a search found. Hits, totals and corrections are worked out when they are first asked for.
#[pyclass(frozen, module = "officina.search")]
pub(super) struct Results {
    snapshot: Arc<Snapshot>,
    query: Query,
    found: officina_search::Results,
    /// The scores, unless they follow from the ranks.
    similarities: Option<Vec<f64>>,
    elapsed: Duration,
    total: OnceLock<usize>,
    explanations: OnceLock<Vec<Arc<Explanation>>>,
}

impl Results {
    pub(super) fn new(
        snapshot: Arc<Snapshot>,
        query: Query,
        found: officina_search::Results,
        elapsed: Duration,
    ) -> Self {
        Self {
            snapshot,
            query,
            found,
            similarities: None,
            elapsed,
            total: OnceLock::new(),
            explanations: OnceLock::new(),
        }
    }

    pub(super) fn similar(
        snapshot: Arc<Snapshot>,
        query: Query,
        similar: Vec<(officina_search::Hit, f64)>,
        elapsed: Duration,
    ) -> Self {
        let total = OnceLock::from(similar.len());
        let (hits, similarities) = similar.into_iter().unzip();
        let found = officina_search::Results { hits, ..officina_search::Results::default() };
        Self {
            snapshot,
            query,
            found,
            similarities: Some(similarities),
            elapsed,
            total,
            explanations: OnceLock::new(),
        }
    }

    fn score(&self, at: usize) -> f64 {
        match &self.similarities {
            Some(similarities) => similarities[at],
            None => self.found.hits[at].rank.score(),
        }
    }

    fn explanations(&self, py: Python<'_>) -> &[Arc<Explanation>] {
        py.detach(|| {
            self.explanations.get_or_init(|| {
                let hits = self.found.hits.iter();
                hits.map(|hit| Arc::new(self.snapshot.explain(&self.query, hit))).collect()
            })
        })
    }
}

#[pymethods]
impl Results {
    /// The ids of the documents, the best first: an array of int64.
    #[getter]
    fn ids<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        array(py, "int64", self.found.hits.iter().map(|hit| hit.id.to_ne_bytes()))
    }

    /// How well each document matches, between 0 and 1: an array of float64 that never ascends, unless the search was
    /// sorted. What `Index.similar` returns has similarities instead.
    #[getter]
    fn scores<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        array(py, "float64", (0..self.found.hits.len()).map(|at| self.score(at).to_ne_bytes()))
    }

    /// How many documents the search finds altogether: exactly, at the number of typos at which it ended. A search that
    /// fills its page early has not counted them; they are counted now, on the index as it was then.
    #[getter]
    fn total(&self, py: Python<'_>) -> PyResult<usize> {
        if let Some(total) = self.found.total.or_else(|| self.total.get().copied()) {
            return Ok(total);
        }
        let query = Query { count: true, limit: 0, offset: 0, after: None, ..self.query.clone() };
        let counted = run(py, || self.snapshot.search(&query))?.total.unwrap_or_default();
        Ok(*self.total.get_or_init(|| counted))
    }

    /// The documents with their highlights: a list of `Hit`.
    #[getter]
    fn hits(&self, py: Python<'_>) -> Vec<Hit> {
        let explanations = self.explanations(py);
        let hits = self.found.hits.iter().zip(explanations).enumerate();
        hits.map(|(at, (hit, explanation))| Hit {
            id: hit.id,
            score: self.score(at),
            rank: hit.rank,
            explanation: explanation.clone(),
            snapshot: self.snapshot.clone(),
        })
        .collect()
    }

    /// For each facet that was asked for, its values and how many documents have them, the most frequent first.
    #[getter]
    fn facets<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let facets = PyDict::new(py);
        for (name, values) in self.query.facets.iter().zip(&self.found.facets) {
            let counts = PyDict::new(py);
            for (value, count) in values {
                counts.set_item(value, count)?;
            }
            facets.set_item(name, counts)?;
        }
        Ok(facets)
    }

    /// What was typed and what was found for it, where these differ: of all documents on the page, the best first.
    #[getter]
    fn corrections<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let corrections = PyDict::new(py);
        if self.found.hits.iter().any(|hit| hit.rank.typos > 0) {
            for explanation in self.explanations(py) {
                for (typed, found) in &explanation.corrections {
                    if !corrections.contains(typed)? {
                        corrections.set_item(typed, found)?;
                    }
                }
            }
        }
        Ok(corrections)
    }

    /// Where the page ends, for the `after` of the next search; None when it is empty.
    #[getter]
    fn cursor(&self) -> Option<String> {
        self.found.end.as_ref().map(officina_search::Cursor::to_text)
    }

    /// Seconds that the search took.
    #[getter]
    fn elapsed(&self) -> f64 {
        self.elapsed.as_secs_f64()
    }

    fn __len__(&self) -> usize {
        self.found.hits.len()
    }

    fn __iter__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        PyList::new(py, self.hits(py))?.call_method0("__iter__")
    }

    fn __repr__(&self) -> String {
        format!("<Results: {} hits in {:.3} ms>", self.found.hits.len(), self.elapsed.as_secs_f64() * 1e3)
    }
}

/// A document that was found.
#[pyclass(frozen, module = "officina.search")]
pub(super) struct Hit {
    /// Its id.
    #[pyo3(get)]
    id: i64,
    /// Its score, as in `Results.scores`.
    #[pyo3(get)]
    score: f64,
    rank: Rank,
    explanation: Arc<Explanation>,
    snapshot: Arc<Snapshot>,
}

#[pymethods]
impl Hit {
    /// The text fields, as HTML: escaped, what was found between `<mark>` and `</mark>`, long ones cut to about 200 letters
    /// around the first of them.
    #[getter]
    fn highlights<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        self.by_field(py, |marked| marked.snippet(SNIPPET))
    }

    /// The text fields, as they were added.
    #[getter]
    fn texts<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        self.by_field(py, |marked| marked.text.clone())
    }

    /// What was typed and what stands for it in this document, where these differ.
    #[getter]
    fn corrections<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let corrections = PyDict::new(py);
        for (typed, found) in &self.explanation.corrections {
            corrections.set_item(typed, found)?;
        }
        Ok(corrections)
    }

    /// What its place is made of, the first to count first: "missing" words, "typos", "exactness", "attribute",
    /// words in other "forms", and "proximity".
    #[getter]
    fn rank<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let rank = PyDict::new(py);
        rank.set_item("missing", self.rank.missing)?;
        rank.set_item("typos", self.rank.typos)?;
        rank.set_item("exactness", exactness(self.rank.exactness))?;
        rank.set_item("attribute", self.rank.attribute)?;
        rank.set_item("forms", self.rank.forms)?;
        rank.set_item("proximity", self.rank.proximity)?;
        Ok(rank)
    }

    fn __repr__(&self) -> String {
        let title = self.explanation.texts.first().map_or("", |title| title.text.as_str());
        format!("<Hit {}: {title:?}>", self.id)
    }
}

impl Hit {
    fn by_field<'py>(
        &self,
        py: Python<'py>,
        show: impl Fn(&officina_search::Marked) -> String,
    ) -> PyResult<Bound<'py, PyDict>> {
        let fields = PyDict::new(py);
        for (field, marked) in self.snapshot.schema().text.iter().zip(&self.explanation.texts) {
            fields.set_item(&field.name, show(marked))?;
        }
        Ok(fields)
    }
}

fn exactness(exactness: Exactness) -> &'static str {
    match exactness {
        Exactness::Whole => "whole",
        Exactness::Spaced => "spaced",
        Exactness::Beginning => "beginning",
        Exactness::Swapped => "swapped",
        Exactness::Other => "other",
    }
}

/// A numpy array of numbers of eight bytes.
fn array<'py>(
    py: Python<'py>,
    dtype: &str,
    numbers: impl ExactSizeIterator<Item = [u8; 8]>,
) -> PyResult<Bound<'py, PyAny>> {
    static FROM_BUFFER: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let from_buffer =
        FROM_BUFFER.get_or_try_init(py, || py.import("numpy")?.getattr("frombuffer").map(Bound::unbind))?;
    let bytes = PyBytes::new_with(py, numbers.len() * 8, |room| {
        for (slot, number) in room.chunks_exact_mut(8).zip(numbers) {
            slot.copy_from_slice(&number);
        }
        Ok(())
    })?;
    from_buffer.bind(py).call1((bytes, dtype))
}
