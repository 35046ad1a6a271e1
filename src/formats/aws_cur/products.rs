//! What the `product` map of a line item says: the region, and whether it is of Bedrock.
//!
//! The map is a JSON object in a cell, or what Athena makes of one, the same in many rows, and asked only
//! where other columns are silent. Anything else is a fault then, since the region decides what a credit
//! covers.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};

use serde::Deserialize;

use crate::formats::cells::cell_text;
use crate::formats::fault::{Excerpt, Problem};
use crate::formats::names::Known;
use crate::formats::rows::is_missing;
use crate::formats::workers::lock;
use crate::ledger::names::Region;

use super::line_item::names_bedrock;

/// The most bytes of product maps that are remembered; then they are worked out again.
const PRODUCT_MEMORY: usize = 8 << 20;

/// What product maps say, by the cell that holds them. Clones give what one says one number, each
/// remembering cells for itself.
#[derive(Clone)]
pub(super) struct Products {
    all: Arc<Mutex<AllProducts>>,
    cells: HashMap<Box<[u8]>, usize>,
    /// The bytes in `cells`.
    remembered: usize,
}

/// What all product maps say.
struct AllProducts {
    regions: Known<Region>,
    list: Vec<Product>,
    numbers: BTreeMap<Product, usize>,
}

/// What a product map says.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Product {
    pub(super) region: Option<Region>,
    pub(super) names_bedrock: bool,
}

/// The number of a product map that says nothing, or is not asked.
pub(super) const NO_PRODUCT: usize = 0;

/// What the fields of a product map are called that matter here.
pub(in crate::formats) const FIELDS: [&str; 3] = ["region", "product_name", "product_code"];

/// The fields of a product map that matter here.
#[derive(Default, Deserialize)]
struct ProductMap<'a> {
    #[serde(borrow)]
    region: Option<Cow<'a, str>>,
    #[serde(borrow)]
    product_name: Option<Cow<'a, str>>,
    #[serde(borrow)]
    product_code: Option<Cow<'a, str>>,
}

impl Default for Products {
    fn default() -> Products {
        let all = AllProducts {
            regions: Known::new(Region::new),
            list: vec![Product::default()],
            numbers: BTreeMap::from([(Product::default(), NO_PRODUCT)]),
        };
        Products {
            all: Arc::new(Mutex::new(all)),
            cells: HashMap::new(),
            remembered: 0,
        }
    }
}

impl Products {
    /// What the map of this number says.
    pub(super) fn get(&self, number: usize) -> Option<Product> {
        lock(&self.all).list.get(number).cloned()
    }

    /// The number of what a product map says.
    pub(super) fn number(&mut self, map: &[u8]) -> Result<usize, Problem> {
        if let Some(number) = self.cells.get(map) {
            return Ok(*number);
        }
        let number = lock(&self.all).number(map)?;
        if self.remembered > PRODUCT_MEMORY {
            self.cells.clear();
            self.remembered = 0;
        }
        self.remembered += map.len();
        self.cells.insert(map.into(), number);
        Ok(number)
    }
}

impl AllProducts {
    fn number(&mut self, map: &[u8]) -> Result<usize, Problem> {
        let product = product(map, &mut self.regions)?;
        let next = self.list.len();
        let number = *self.numbers.entry(product.clone()).or_insert(next);
        if number == next {
            self.list.push(product);
        }
        Ok(number)
    }
}

fn product(cell: &[u8], regions: &mut Known<Region>) -> Result<Product, Problem> {
    if is_missing(cell) {
        return Ok(Product::default());
    }
    let text = cell_text(cell)?;
    let map: ProductMap<'_> = serde_json::from_str(&text)
        .ok()
        .or_else(|| of_athena(&text))
        .ok_or_else(|| Problem::NotAProductMap(Excerpt::of(text.as_bytes())))?;
    let region = match map.region.as_deref() {
        None | Some("") => None,
        Some(region) => Some(regions.name(region)?),
    };
    let mut names = [map.product_name, map.product_code].into_iter().flatten();
    let names_bedrock = names.any(|name| names_bedrock(name.as_bytes()));
    Ok(Product {
        region,
        names_bedrock,
    })
}

/// A map as Athena writes it into CSV, `{product_name=Amazon EC2, region=us-east-1}`: nothing is quoted,
/// so that a comma that no name of a field follows is of the value before. Nothing where it is no such
/// map, or says a field that matters twice.
fn of_athena(text: &str) -> Option<ProductMap<'_>> {
    let fields = text.strip_prefix('{')?.strip_suffix('}')?;
    let mut map = ProductMap::default();
    let mut rest = fields;
    while !rest.is_empty() {
        let (name, after) = rest.split_once('=')?;
        if name.is_empty() || !name.bytes().all(is_of_a_field) {
            return None;
        }
        let end = end_of_value(after);
        let value = after.get(..end)?;
        rest = after.get(end..)?.strip_prefix(", ").unwrap_or_default();
        let field = match name {
            "region" => &mut map.region,
            "product_name" => &mut map.product_name,
            "product_code" => &mut map.product_code,
            _ => continue,
        };
        if field.replace(Cow::Borrowed(value)).is_some() {
            return None;
        }
    }
    Some(map)
}

/// Where a value ends: before the first comma that another field follows.
fn end_of_value(text: &str) -> usize {
    let mut commas = text.match_indices(", ").map(|(at, _)| at);
    let ends = commas.find(|at| {
        let after = text.get(at + 2..).and_then(|after| after.split_once('='));
        after.is_some_and(|(name, _)| !name.is_empty() && name.bytes().all(is_of_a_field))
    });
    ends.unwrap_or(text.len())
}

/// Whether names of fields are made of this.
fn is_of_a_field(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn says(text: &str, expected: Option<(Option<&str>, bool)>) {
        let mut regions = Known::new(Region::new);
        let product = product(text.as_bytes(), &mut regions).ok();
        let product = product.map(|product| (product.region, product.names_bedrock));
        let region = |name| Region::new(name).expect("a region");
        let expected = expected.map(|(name, bedrock)| (name.map(region), bedrock));
        assert_eq!(product, expected, "{text}");
    }

    #[test]
    fn a_map_is_read_as_json_or_as_athena_writes_it() {
        says("NULL", Some((None, false)));
        says("{}", Some((None, false)));
        says("{product_name=Foo}", Some((None, false)));
        says(
            "{group=a, b = c, product_name=Claude, x (Amazon Bedrock Edition), region=us-east-1}",
            Some((Some("us-east-1"), true)),
        );
        says("{region=, product_code=AmazonEC2}", Some((None, false)));
    }

    #[test]
    fn a_map_that_is_neither_is_a_fault() {
        for text in [
            "region=us-east-1",
            "{region}",
            "{region=us-east-1, region=us-east-2}",
            "{\"region\":",
            "[1]",
            "{region=us-east-1",
        ] {
            says(text, None);
        }
    }
}
