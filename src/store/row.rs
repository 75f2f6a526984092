//! Values on their way into the store and rows on their way out, the same for both engines.

use std::fmt;

use super::fault::StoreError;

/// A value for a placeholder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Arg {
    /// A BIGINT.
    Int(Option<i64>),
    /// A TEXT.
    Text(Option<String>),
}

macro_rules! arg {
    ($($from:ty, $value:ident => $arg:expr;)*) => { $(
        impl From<$from> for Arg {
            fn from($value: $from) -> Self { $arg }
        }
    )* };
}
arg! {
    i64, value => Self::Int(Some(value));
    Option<i64>, value => Self::Int(value);
    // Numbers of ours stay far below 2^63; one that does not would find no row, not another one.
    u64, value => Self::Int(Some(i64::try_from(value).unwrap_or(i64::MAX)));
    Option<u64>, value => Self::Int(value.map(|value| i64::try_from(value).unwrap_or(i64::MAX)));
    u32, value => Self::Int(Some(value.into()));
    &str, value => Self::Text(Some(value.to_owned()));
    Option<&str>, value => Self::Text(value.map(str::to_owned));
    String, value => Self::Text(Some(value));
    Option<String>, value => Self::Text(value);
}

/// What stands in one column of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Cell {
    Null,
    Int(i64),
    Text(String),
    /// Something that we never write; the name of its type.
    Foreign(String),
}

/// A row that was read. Its columns are taken by their place, and what does not fit is an error, not a panic: whoever owns the
/// database can put anything there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row(pub(super) Vec<Cell>);

impl Row {
    /// A number.
    pub fn int(&self, column: usize) -> Result<i64, StoreError> {
        self.opt_int(column)?.ok_or_else(|| self.odd(column, "a number"))
    }
    /// A number or nothing.
    pub fn opt_int(&self, column: usize) -> Result<Option<i64>, StoreError> {
        match self.0.get(column) {
            Some(Cell::Int(value)) => Ok(Some(*value)),
            Some(Cell::Null) => Ok(None),
            _ => Err(self.odd(column, "a number")),
        }
    }
    /// A number that cannot be negative.
    pub fn count(&self, column: usize) -> Result<u64, StoreError> {
        u64::try_from(self.int(column)?).map_err(|_| self.odd(column, "a number from 0"))
    }
    /// A text.
    pub fn text(&self, column: usize) -> Result<&str, StoreError> {
        self.opt_text(column)?.ok_or_else(|| self.odd(column, "a text"))
    }
    /// A text or nothing.
    pub fn opt_text(&self, column: usize) -> Result<Option<&str>, StoreError> {
        match self.0.get(column) {
            Some(Cell::Text(value)) => Ok(Some(value)),
            Some(Cell::Null) => Ok(None),
            _ => Err(self.odd(column, "a text")),
        }
    }

    fn odd(&self, column: usize, wanted: &str) -> StoreError {
        let held = match self.0.get(column) {
            None => "no such column",
            Some(Cell::Null) => "nothing",
            Some(Cell::Int(_)) => "a number",
            Some(Cell::Text(_)) => "a text",
            Some(Cell::Foreign(name)) => name,
        };
        StoreError::Broken(format!(
            "the store holds {held} in column {column}, where {wanted} belongs: run nightlatch audit verify"
        ))
    }
}

/// The placeholders of a multi-row INSERT: `values(2, 3)` is `($1,$2,$3),($4,$5,$6)`.
pub fn values(rows: usize, columns: usize) -> String {
    use fmt::Write as _;
    let mut text = String::with_capacity(rows * columns * 5);
    for place in 0..rows * columns {
        let before = match (place, place.checked_rem(columns)) {
            (0, _) => "(",
            (_, Some(0)) => "),(",
            _ => ",",
        };
        let _ = write!(text, "{before}${}", place + 1);
    }
    text + if rows * columns == 0 { "" } else { ")" }
}

/// Adds a statement with `$n` to one with `?` alone, which takes its values in the order of the places: several statements can
/// then follow each other, and no place has to be looked up by its name. Texts in the SQL must hold no `$`.
pub(super) fn in_order(sql: &str, args: Vec<Arg>, whole: &mut String, values: &mut Vec<Arg>) {
    let (mut places, mut parts) = (Vec::with_capacity(args.len()), sql.split('$'));
    whole.push_str(parts.next().unwrap_or_default());
    for part in parts {
        let (number, rest) = part.split_at(part.bytes().take_while(u8::is_ascii_digit).count());
        places.push(number.parse::<usize>().unwrap_or(0));
        whole.push('?');
        whole.push_str(rest);
    }
    if places.iter().copied().eq(1..=args.len()) {
        values.extend(args);
    } else {
        // A place that has no value is NULL, as it is with the driver.
        let of = |place: usize| args.get(place.wrapping_sub(1)).cloned().unwrap_or(Arg::Int(None));
        values.extend(places.into_iter().map(of));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_taken_in_order() {
        let (mut sql, mut args) = (String::new(), Vec::new());
        in_order("SELECT $1, $2", vec![1_i64.into(), "b".into()], &mut sql, &mut args);
        in_order("; SELECT $2 < $1 AND $10 > $2", (1_i64..=10).map(Arg::from).collect(), &mut sql, &mut args);
        assert_eq!(sql, "SELECT ?, ?; SELECT ? < ? AND ? > ?");
        let rest = [2_i64, 1, 10, 2].map(Arg::from);
        assert_eq!(args, [vec![1_i64.into(), "b".into()], rest.to_vec()].concat());
    }
}
