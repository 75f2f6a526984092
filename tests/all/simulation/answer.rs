//! What a statement of the small database comes to.

use super::sql::Value::{self, Int, Null};
use super::sql::{Expr, Line, Select, Statement, Table, Tables, Then};
use std::collections::BTreeMap;
use std::sync::Arc;

/// What an expression sees.
struct Sight<'a> {
    args: &'a [Value],
    row: &'a [Value],
    joined: Option<&'a [Value]>,
    excluded: Option<&'a [Value]>,
}

impl Expr {
    fn value(&self, sight: &Sight<'_>) -> Value {
        match self {
            Self::Value(value) => value.clone(),
            Self::Place(place) => sight.args[*place].clone(),
            Self::Column(false, column) => sight.row[*column].clone(),
            Self::Column(true, column) => sight.joined.map_or(Null, |row| row[*column].clone()),
            Self::Excluded(column) => sight.excluded.unwrap()[*column].clone(),
            Self::Binary(op, left, right) => binary(op, left, right, sight),
            Self::IsNull(inner, not) => Int(i64::from((inner.value(sight) == Null) != *not)),
            Self::In(inner, list) => {
                let value = inner.value(sight);
                Int(i64::from(value != Null && list.iter().any(|other| other.value(sight) == value)))
            }
            Self::Like(inner, pattern) => {
                let (value, pattern) = (inner.value(sight), pattern.value(sight));
                let plain = pattern.text().trim_matches('%').replace('\\', "");
                Int(i64::from(value.opt_text().is_some_and(|text| text.contains(&plain))))
            }
            Self::Case(arms, other) => {
                let arm = arms.iter().find(|(when, _)| when.value(sight).truth());
                arm.map_or(&**other, |(_, then)| then).value(sight)
            }
            Self::Fold(..) => panic!("a fold outside of a selection"),
        }
    }
}

fn binary(op: &str, left: &Expr, right: &Expr, sight: &Sight<'_>) -> Value {
    let left = left.value(sight);
    match op {
        "AND" if !left.truth() => return Int(0),
        "OR" if left.truth() => return Int(1),
        _ => {}
    }
    let right = right.value(sight);
    if op == "AND" || op == "OR" {
        return Int(i64::from(right.truth()));
    }
    if left == Null || right == Null {
        return Null;
    }
    Int(match op {
        "=" => i64::from(left == right),
        "<>" => i64::from(left != right),
        "<" => i64::from(left < right),
        "<=" => i64::from(left <= right),
        ">" => i64::from(left > right),
        ">=" => i64::from(left >= right),
        "+" => left.int() + right.int(),
        "-" => left.int() - right.int(),
        "*" => left.int() * right.int(),
        other => panic!("{other} is not understood"),
    })
}

/// What came of a statement: how many rows it touched, and the rows that it gave; or the table that refused it.
pub type Came = Result<(u64, Vec<Vec<Value>>), String>;

impl Statement {
    pub fn writes(&self) -> bool {
        !matches!(self, Self::Select(_))
    }

    pub fn run(&self, tables: &mut Tables, args: &[Value]) -> Came {
        match self {
            Self::Index => Ok((0, vec![])),
            Self::Create(name, table) => {
                tables.entry(name.clone()).or_insert_with(|| Arc::new(table.clone()));
                Ok((0, vec![]))
            }
            Self::Insert { table, columns, rows, then } => {
                let table = Arc::make_mut(tables.get_mut(table).unwrap());
                for row in rows {
                    insert(table, columns, row, then, args)?;
                }
                Ok((rows.len() as u64, vec![]))
            }
            Self::Update { table, set, filter, returning } => {
                let table = tables.get_mut(table).unwrap();
                let hits = hits(table, filter.as_ref(), args);
                let (count, mut out) = (hits.len() as u64, Vec::new());
                for (key, row) in hits {
                    let fresh = changed(&row, set, &Sight { args, row: &row, joined: None, excluded: None });
                    let sight = Sight { args, row: &fresh, joined: None, excluded: None };
                    if !returning.is_empty() {
                        out.push(returning.iter().map(|item| item.value(&sight)).collect());
                    }
                    if fresh != row {
                        Arc::make_mut(table).rows.insert(key, fresh);
                    }
                }
                Ok((count, out))
            }
            Self::Delete { table, filter } => {
                let table = tables.get_mut(table).unwrap();
                let hits = hits(table, filter.as_ref(), args);
                for (key, _) in &hits {
                    Arc::make_mut(table).rows.remove(key);
                }
                Ok((hits.len() as u64, vec![]))
            }
            Self::Select(select) => Ok((0, select.run(tables, args))),
        }
    }
}

fn changed(row: &Line, set: &[(usize, Expr)], sight: &Sight<'_>) -> Line {
    let mut fresh = row.to_vec();
    for (column, expr) in set {
        fresh[*column] = expr.value(sight);
    }
    fresh.into()
}

fn hits(table: &Table, filter: Option<&Expr>, args: &[Value]) -> Vec<(Vec<Value>, Line)> {
    let hit = |row: &Line| {
        filter.is_none_or(|filter| filter.value(&Sight { args, row, joined: None, excluded: None }).truth())
    };
    table.rows.iter().filter(|(_, row)| hit(row)).map(|(key, row)| (key.clone(), row.clone())).collect()
}

fn insert(table: &mut Table, columns: &[usize], row: &[Expr], then: &Then, args: &[Value]) -> Result<(), String> {
    let mut fresh = vec![Null; table.columns.len()];
    for (column, expr) in columns.iter().zip(row) {
        fresh[*column] = expr.value(&Sight { args, row: &[], joined: None, excluded: None });
    }
    let key: Vec<Value> = table.primary.iter().map(|column| fresh[*column].clone()).collect();
    if let Some(there) = table.rows.get(&key).cloned() {
        match then {
            Then::Fail => return Err(format!("{key:?} is there already")),
            Then::Nothing => {}
            Then::Set(set) => {
                let sight = Sight { args, row: &there, joined: None, excluded: Some(&fresh) };
                let after = changed(&there, set, &sight);
                table.rows.insert(key, after);
            }
        }
        return Ok(());
    }
    if let Some(column) = table.unique.iter().find(|c| table.rows.values().any(|row| row[**c] == fresh[**c])) {
        return Err(format!("{:?} is there already", fresh[*column]));
    }
    table.rows.insert(key, fresh.into());
    Ok(())
}

impl Select {
    fn run(&self, tables: &Tables, args: &[Value]) -> Vec<Vec<Value>> {
        let mut found: Vec<(&Line, Option<&Line>)> = Vec::new();
        let truth = |expr: &Expr, row: &Line, joined: Option<&Line>| {
            expr.value(&Sight { args, row, joined: joined.map(|row| &**row), excluded: None }).truth()
        };
        for row in tables[&self.table].rows.values() {
            // What the filter says of the first table alone spares the join.
            if let (None, Some(filter)) = (&self.joined, &self.filter) {
                if truth(filter, row, None) {
                    found.push((row, None));
                }
                continue;
            }
            let Some((other, left, on)) = &self.joined else {
                found.push((row, None));
                continue;
            };
            let mut none = true;
            for joined in tables[other].rows.values().filter(|joined| truth(on, row, Some(joined))) {
                none = false;
                found.push((row, Some(joined)));
            }
            if none && *left {
                found.push((row, None));
            }
        }
        if let (Some(_), Some(filter)) = (&self.joined, &self.filter) {
            found.retain(|(row, joined)| truth(filter, row, *joined));
        }
        let value = |expr: &Expr, (row, joined): &(&Line, Option<&Line>)| {
            expr.value(&Sight { args, row, joined: joined.map(|row| &**row), excluded: None })
        };
        if self.items.iter().any(|item| matches!(item, Expr::Fold(..))) {
            let mut groups: BTreeMap<Value, Vec<(&Line, Option<&Line>)>> = BTreeMap::new();
            for one in found {
                groups.entry(self.group.as_ref().map_or(Null, |by| value(by, &one))).or_default().push(one);
            }
            if groups.is_empty() && self.group.is_none() {
                return vec![self.items.iter().map(|_| Null).collect()];
            }
            let fold = |item: &Expr, rows: &[(&Line, Option<&Line>)]| match item {
                Expr::Fold(most, inner) => {
                    let values = rows.iter().map(|row| value(inner, row)).filter(|value| *value != Null);
                    (if *most { values.max() } else { values.min() }).unwrap_or(Null)
                }
                other => value(other, &rows[0]),
            };
            return groups.values().map(|rows| self.items.iter().map(|item| fold(item, rows)).collect()).collect();
        }
        if !self.order.is_empty() {
            found.sort_by(|a, b| {
                let each = self.order.iter().map(|(by, down)| {
                    let order = value(by, a).cmp(&value(by, b));
                    if *down { order.reverse() } else { order }
                });
                each.fold(std::cmp::Ordering::Equal, std::cmp::Ordering::then)
            });
        }
        let sight = Sight { args, row: &[], joined: None, excluded: None };
        let limit = self.limit.as_ref().map_or(usize::MAX, |limit| usize::try_from(limit.value(&sight).int()).unwrap());
        found.iter().take(limit).map(|one| self.items.iter().map(|item| value(item, one)).collect()).collect()
    }
}
