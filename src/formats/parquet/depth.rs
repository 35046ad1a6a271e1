//! How deep the columns of a Parquet file are nested, told before its decoder is asked, which goes as
//! deep as they do and would have the process killed by a stranger's file.
//!
//! The schema is a list of elements at the start of the footer, each saying how many of those behind it
//! are inside of it, in the compact protocol of Thrift. What cannot be read here is passed over: the
//! decoder will say what is wrong with it.
//!
//! Source: the Thrift compact protocol, and `FileMetaData` in parquet-format.

/// Deeper than any bill is.
const DEEPEST: usize = 64;

/// Types of values in the compact protocol.
const TRUE: u8 = 1;
const FALSE: u8 = 2;
const BYTE: u8 = 3;
const I16: u8 = 4;
const I32: u8 = 5;
const I64: u8 = 6;
const DOUBLE: u8 = 7;
const BINARY: u8 = 8;
const LIST: u8 = 9;
const SET: u8 = 10;
const MAP: u8 = 11;
const STRUCT: u8 = 12;

/// The numbers of the fields that are looked at.
const SCHEMA: i32 = 2;
const CHILDREN: i32 = 5;

/// Whether the schema of a footer is nested deeper than any of a bill, or than can be told.
pub(super) fn is_too_deep(footer: &[u8]) -> bool {
    let mut input = Input {
        rest: footer,
        depth: 0,
    };
    let mut is_too_deep = false;
    let _ = input.each_field(|input, field, kind| {
        if field == SCHEMA && kind == LIST {
            is_too_deep = input.is_deep_list()?;
            // Nothing behind it matters.
            return None;
        }
        input.skip(kind)
    });
    is_too_deep || input.depth > DEEPEST
}

/// What is not read yet; nothing is returned once it is no more what it should be.
struct Input<'a> {
    rest: &'a [u8],
    /// How deep the values are that are passed over.
    depth: usize,
}

impl Input<'_> {
    fn byte(&mut self) -> Option<u8> {
        let (byte, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(*byte)
    }

    fn advance(&mut self, count: u64) -> Option<()> {
        self.rest = self.rest.get(usize::try_from(count).ok()?..)?;
        Some(())
    }

    fn varint(&mut self) -> Option<u64> {
        let mut value = 0_u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Some(value);
            }
        }
        None
    }

    fn zigzag(&mut self) -> Option<i64> {
        let value = self.varint()?;
        Some((value >> 1).cast_signed() ^ -(value & 1).cast_signed())
    }

    /// Hands over the number and the type of each field of a struct.
    fn each_field(&mut self, mut take: impl FnMut(&mut Self, i32, u8) -> Option<()>) -> Option<()> {
        let mut field = 0;
        loop {
            let head = self.byte()?;
            if head == 0 {
                return Some(());
            }
            field = match head >> 4 {
                0 => i32::try_from(self.zigzag()?).ok()?,
                more => field + i32::from(more),
            };
            take(self, field, head & 0x0f)?;
        }
    }

    /// How many items a list has, and of which type.
    fn list(&mut self) -> Option<(u64, u8)> {
        let head = self.byte()?;
        let count = match head >> 4 {
            15 => self.varint()?,
            count => u64::from(count),
        };
        Some((count, head & 0x0f))
    }

    /// Passes over a value.
    fn skip(&mut self, kind: u8) -> Option<()> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return None;
        }
        match kind {
            TRUE | FALSE => {}
            BYTE => self.advance(1)?,
            I16 | I32 | I64 => {
                self.varint()?;
            }
            DOUBLE => self.advance(8)?,
            BINARY => {
                let length = self.varint()?;
                self.advance(length)?;
            }
            LIST | SET => {
                let (count, kind) = self.list()?;
                for _ in 0..count {
                    self.skip_item(kind)?;
                }
            }
            MAP => {
                let count = self.varint()?;
                let kinds = if count > 0 { self.byte()? } else { 0 };
                for _ in 0..count {
                    self.skip_item(kinds >> 4)?;
                    self.skip_item(kinds & 0x0f)?;
                }
            }
            STRUCT => self.each_field(|input, _, kind| input.skip(kind))?,
            _ => return None,
        }
        self.depth -= 1;
        Some(())
    }

    /// Passes over an item of a list or map, where a boolean has a byte of its own.
    fn skip_item(&mut self, kind: u8) -> Option<()> {
        match kind {
            TRUE | FALSE => self.advance(1),
            kind => self.skip(kind),
        }
    }

    /// Whether elements of a schema are inside of one another too often.
    fn is_deep_list(&mut self) -> Option<bool> {
        let (count, _) = self.list()?;
        // Of each element that is open how many are still to come inside of it.
        let mut open: Vec<i64> = Vec::new();
        for _ in 0..count {
            let mut children = 0;
            self.each_field(|input, field, kind| {
                if field == CHILDREN && kind == I32 {
                    children = input.zigzag()?;
                    return Some(());
                }
                input.skip(kind)
            })?;
            if let Some(left) = open.last_mut() {
                *left -= 1;
            }
            if children > 0 {
                open.push(children);
            }
            if open.len() > DEEPEST {
                return Some(true);
            }
            while open.last().is_some_and(|left| *left <= 0) {
                open.pop();
            }
        }
        Some(false)
    }
}
