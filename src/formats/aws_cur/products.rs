//! What the `product` map of a line item says: the region, and whether it is of Bedrock.
//!
//! The map is a JSON object in a cell, the same in many rows, and asked only where other columns
//! are silent. A map that is no JSON object is a fault then, since the region decides what a
//! credit covers.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};

use serde::Deserialize;

use crate::formats::cells::cell_text;
use crate::formats::fault::{Excerpt, Problem};
use crate::formats::names::Known;
use crate::formats::rows::is_missing;
use crate::ledger::names::Region;

use super::line_item::names_bedrock;

/// The most bytes of product maps that are remembered; then they are worked out again.
const PRODUCT_MEMORY: usize = 8 << 20;

/// What product maps say, by the cell that holds them.
pub(super) struct Products {
    list: Vec<Product>,
    numbers: BTreeMap<Product, usize>,
    cells: HashMap<Box<[u8]>, usize>,
    /// The bytes in `cells`.
    remembered: usize,
}

/// What a product map says.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Product {
    pub(super) region: Option<Region>,
    pub(super) names_bedrock: bool,
}

/// The number of a product map that says nothing, or is not asked.
pub(super) const NO_PRODUCT: usize = 0;

/// The fields of a product map that matter here.
#[derive(Deserialize)]
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
        Products {
            list: vec![Product::default()],
            numbers: BTreeMap::from([(Product::default(), NO_PRODUCT)]),
            cells: HashMap::new(),
            remembered: 0,
        }
    }
}

impl Products {
    /// What the map of this number says.
    pub(super) fn get(&self, number: usize) -> Option<&Product> {
        self.list.get(number)
    }

    /// The number of what a product map says.
    pub(super) fn number(
        &mut self,
        map: &[u8],
        regions: &mut Known<Region>,
    ) -> Result<usize, Problem> {
        if let Some(number) = self.cells.get(map) {
            return Ok(*number);
        }
        let product = product(map, regions)?;
        let number = *self
            .numbers
            .entry(product.clone())
            .or_insert(self.list.len());
        if number == self.list.len() {
            self.list.push(product);
        }
        if self.remembered > PRODUCT_MEMORY {
            self.cells.clear();
            self.remembered = 0;
        }
        self.remembered += map.len();
        self.cells.insert(map.into(), number);
        Ok(number)
    }
}

fn product(cell: &[u8], regions: &mut Known<Region>) -> Result<Product, Problem> {
    if is_missing(cell) {
        return Ok(Product::default());
    }
    let text = cell_text(cell)?;
    let map: ProductMap<'_> = serde_json::from_str(&text)
        .map_err(|_| Problem::NotAProductMap(Excerpt::of(text.as_bytes())))?;
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
