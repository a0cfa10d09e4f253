//! Filters, bound to the columns of a segment.

use crate::query::Filter;
use crate::schema::Schema;
use crate::segment::{Facet, Numbers, Reader};

/// A filter on one segment.
enum Check<'a> {
    /// One of these codes, which ascend.
    Codes(Facet<'a>, Vec<u32>),
    Range(Numbers<'a>, f64, f64),
    All(Vec<Check<'a>>),
    Any(Vec<Check<'a>>),
    Not(Box<Check<'a>>),
}

impl<'a> Check<'a> {
    fn bind(filter: &Filter, schema: &Schema, reader: &Reader<'a>) -> Self {
        let bind = |parts: &[Filter]| parts.iter().map(|part| Self::bind(part, schema, reader)).collect();
        match filter {
            Filter::OneOf(name, values) => match schema.facet(name) {
                Some(facet) => {
                    let facet = reader.facet(facet);
                    let mut codes: Vec<u32> = values.iter().filter_map(|value| facet.code(value)).collect();
                    codes.sort_unstable();
                    codes.dedup();
                    Self::Codes(facet, codes)
                }
                None => Self::Any(Vec::new()),
            },
            Filter::Range(name, least, most) => match schema.number(name) {
                Some(column) => {
                    let (least, most) = (least.unwrap_or(f64::NEG_INFINITY), most.unwrap_or(f64::INFINITY));
                    Self::Range(reader.column(column), least, most)
                }
                None => Self::Any(Vec::new()),
            },
            Filter::All(parts) => Self::All(bind(parts)),
            Filter::Any(parts) => Self::Any(bind(parts)),
            Filter::Not(part) => Self::Not(Box::new(Self::bind(part, schema, reader))),
        }
    }

    fn passes(&self, document: u32) -> bool {
        match self {
            Self::Codes(facet, wanted) => {
                facet.codes(document).any(|code| wanted.binary_search(&code).is_ok())
            }
            Self::Range(column, least, most) => {
                let number = column.get(document);
                *least <= number && number <= *most
            }
            Self::All(parts) => parts.iter().all(|part| part.passes(document)),
            Self::Any(parts) => parts.iter().any(|part| part.passes(document)),
            Self::Not(part) => !part.passes(document),
        }
    }
}

/// All filters of a query on one segment.
pub(crate) struct Checks<'a> {
    /// Each with the facet that it chooses values of, if that is all it does.
    checks: Vec<(Option<usize>, Check<'a>)>,
}

/// How a document fares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Passes,
    /// It fails nothing but the choice of values of this facet.
    BesidesFacet(usize),
    Fails,
}

impl<'a> Checks<'a> {
    pub(crate) fn bind(filters: &[Filter], schema: &Schema, reader: &Reader<'a>) -> Self {
        let facet = |filter: &Filter| match filter {
            Filter::OneOf(name, _) => schema.facet(name),
            _ => None,
        };
        let checks = filters.iter().map(|filter| (facet(filter), Check::bind(filter, schema, reader)));
        Self { checks: checks.collect() }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.checks.is_empty()
    }

    #[inline]
    pub(crate) fn passes(&self, document: u32) -> bool {
        self.checks.iter().all(|(_, check)| check.passes(document))
    }

    pub(crate) fn verdict(&self, document: u32) -> Verdict {
        let mut verdict = Verdict::Passes;
        for (facet, check) in &self.checks {
            if check.passes(document) {
                continue;
            }
            verdict = match (verdict, facet) {
                (Verdict::Passes, Some(facet)) => Verdict::BesidesFacet(*facet),
                (Verdict::BesidesFacet(before), Some(facet)) if before == *facet => verdict,
                _ => return Verdict::Fails,
            };
        }
        verdict
    }
}
