//! This project's own index, used as its documentation shows.

use std::path::Path;

use officina_search::{Document, Filter, Index, Order, Schema, TextField};

use crate::engine::{Changes, Engine};
use crate::input::{Listing, Query, Sort};

/// As many listings are added at once.
const BATCH: usize = 1 << 20;

pub struct Officina(Index);

impl Engine for Officina {
    fn build(listings: impl Iterator<Item = Listing>, _folder: &Path) -> Self {
        let schema = Schema::new(vec![TextField::new("title", 3), TextField::new("description", 1)])
            .facets(["category"])
            .numbers(["price", "rating", "created", "popularity"])
            .order("-popularity");
        let index = Index::new(schema).expect("the schema is sound");
        let mut documents: Vec<Document> = Vec::new();
        for listing in listings {
            documents.push(document(&listing));
            if documents.len() == BATCH {
                index.add(&documents).expect("they fit the schema");
                documents.clear();
            }
        }
        index.add(&documents).expect("they fit the schema");
        Self(index)
    }

    fn search(&self, query: &Query) -> Vec<u64> {
        let mut filters = Vec::new();
        if let Some(category) = &query.filters.category {
            filters.push(Filter::OneOf("category".into(), vec![category.clone()]));
        }
        if let Some((least, most)) = query.filters.price {
            filters.push(Filter::Range("price".into(), Some(least), Some(most)));
        }
        if let Some(rating) = query.filters.rating {
            filters.push(Filter::Range("rating".into(), Some(rating), None));
        }
        let sort = match query.sort {
            Sort::Relevance => None,
            Sort::Price => Some("price"),
            Sort::Rating => Some("-rating"),
            Sort::Newest => Some("-created"),
        };
        let asked = officina_search::Query {
            prefix: query.prefix,
            filters,
            sort: sort.map(Order::parse),
            limit: 10,
            ..officina_search::Query::new(query.text.as_str())
        };
        let found = self.0.snapshot().search(&asked).expect("the query is sound");
        found.hits.iter().map(|hit| hit.id.cast_unsigned()).collect()
    }

    fn changes(&mut self) -> Option<&mut dyn Changes> {
        Some(self)
    }
}

impl Changes for Officina {
    fn add(&mut self, listing: &Listing) {
        self.0.add(&[document(listing)]).expect("it fits the schema");
    }

    fn remove(&mut self, id: u64) {
        self.0.remove(id.cast_signed());
    }
}

#[expect(clippy::cast_precision_loss, reason = "times and counts are far below 2 to the 53")]
fn document(listing: &Listing) -> Document {
    Document {
        id: listing.id.cast_signed(),
        text: vec![listing.title.clone(), listing.description.clone()],
        facets: vec![vec![listing.category.clone()]],
        numbers: vec![listing.price, listing.rating, listing.created as f64, listing.popularity as f64],
    }
}
