//! A small database in memory that understands the SQL which the store speaks, and nothing else: no thread, no file, so that
//! a run of the simulation replays exactly. That the two real engines understand it the same way is what the store's own
//! tests are for.

use nightlatch::store::row::Arg;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// A value.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Value {
    Null,
    Int(i64),
    Text(Arc<str>),
}
use Value::{Int, Null, Text};

impl From<Arg> for Value {
    fn from(arg: Arg) -> Self {
        match arg {
            Arg::Int(value) => value.map_or(Null, Int),
            Arg::Text(value) => value.map_or(Null, |text| Text(text.into())),
        }
    }
}

impl From<&Value> for Arg {
    fn from(value: &Value) -> Self {
        match value {
            Null => Self::Int(None),
            Int(value) => Self::Int(Some(*value)),
            Text(text) => Self::Text(Some(text.to_string())),
        }
    }
}

impl Value {
    pub fn int(&self) -> i64 {
        match self {
            Int(value) => *value,
            other => panic!("{other:?} is no number"),
        }
    }
    pub fn text(&self) -> &str {
        match self {
            Text(text) => text,
            other => panic!("{other:?} is no text"),
        }
    }
    pub fn opt_text(&self) -> Option<&str> {
        if let Text(text) = self { Some(text) } else { None }
    }
    pub fn truth(&self) -> bool {
        matches!(self, Int(value) if *value != 0)
    }
}

pub type Line = Arc<[Value]>;

/// A table: its rows by their primary key.
#[derive(Debug, Clone, Default)]
pub struct Table {
    pub columns: Vec<String>,
    pub primary: Vec<usize>,
    pub unique: Vec<usize>,
    pub rows: BTreeMap<Vec<Value>, Line>,
}

impl Table {
    pub fn place(&self, column: &str) -> usize {
        self.columns.iter().position(|name| name == column).unwrap()
    }
}

/// Every table.
pub type Tables = BTreeMap<String, Arc<Table>>;

#[derive(Debug)]
pub enum Expr {
    Value(Value),
    Place(usize),
    /// Of the first or the joined table.
    Column(bool, usize),
    Excluded(usize),
    Binary(&'static str, Box<Expr>, Box<Expr>),
    IsNull(Box<Expr>, bool),
    In(Box<Expr>, Vec<Expr>),
    Like(Box<Expr>, Box<Expr>),
    Case(Vec<(Expr, Expr)>, Box<Expr>),
    Fold(bool, Box<Expr>),
}

#[derive(Debug)]
pub enum Then {
    Fail,
    Nothing,
    Set(Vec<(usize, Expr)>),
}

#[derive(Debug)]
pub struct Select {
    pub table: String,
    pub joined: Option<(String, bool, Expr)>,
    pub items: Vec<Expr>,
    pub filter: Option<Expr>,
    pub group: Option<Expr>,
    pub order: Vec<(Expr, bool)>,
    pub limit: Option<Expr>,
}

#[derive(Debug)]
pub enum Statement {
    Create(String, Table),
    Index,
    Insert { table: String, columns: Vec<usize>, rows: Vec<Vec<Expr>>, then: Then },
    Update { table: String, set: Vec<(usize, Expr)>, filter: Option<Expr>, returning: Vec<Expr> },
    Delete { table: String, filter: Option<Expr> },
    Select(Box<Select>),
}

/// What steps through an index, and what it comes to in words that are understood here. When the store asks in other words,
/// no run goes on until this says them.
const IN_OTHER_WORDS: [(&str, &str); 1] = [(
    "WITH RECURSIVE name(target) AS (SELECT min(target) FROM work UNION ALL \
        SELECT (SELECT min(target) FROM work WHERE target > name.target) FROM name WHERE name.target IS NOT NULL) \
        SELECT target, (SELECT min(next_at) FROM work WHERE work.target = name.target), \
        (SELECT min(ends_at) FROM work WHERE work.target = name.target AND ends_at > $1), \
        (SELECT 1 FROM work WHERE work.target = name.target AND ends_at <= $1 \
            AND (next_at > $2 OR (replica IS NULL AND next_at > $3)) LIMIT 1) \
        FROM name WHERE target IS NOT NULL ORDER BY target",
    "SELECT target, min(next_at), min(CASE WHEN ends_at > $1 THEN ends_at ELSE NULL END), \
        max(CASE WHEN ends_at <= $1 AND (next_at > $2 OR (replica IS NULL AND next_at > $3)) THEN 1 ELSE NULL END) \
        FROM work GROUP BY target",
)];

/// Statements that were understood before.
#[derive(Default)]
pub struct Known(HashMap<String, Arc<Statement>>);

impl Known {
    pub fn read(&mut self, sql: &str, tables: &Tables) -> Arc<Statement> {
        if let Some(known) = self.0.get(sql) {
            return known.clone();
        }
        let asked = sql;
        let sql = IN_OTHER_WORDS.iter().find(|(asked, _)| *asked == sql).map_or(sql, |(_, words)| words);
        let mut parser = Parser { words: words(sql), at: 0, tables, here: String::new(), joined: None, sql };
        let statement = Arc::new(parser.statement());
        self.0.insert(asked.to_owned(), statement.clone());
        statement
    }
}

fn words(sql: &str) -> Vec<String> {
    let mut out = Vec::new();
    let letters: Vec<char> = sql.chars().collect();
    let mut i = 0;
    while i < letters.len() {
        let c = letters[i];
        let start = i;
        if c.is_whitespace() {
            i += 1;
            continue;
        } else if c == '\'' {
            i += 1;
            while letters[i] != '\'' {
                i += 1;
            }
            i += 1;
        } else if c.is_alphanumeric() || c == '_' || c == '$' {
            while i < letters.len() && (letters[i].is_alphanumeric() || letters[i] == '_' || letters[i] == '$') {
                i += 1;
            }
        } else if ["<=", ">=", "<>", "||"].iter().any(|two| letters[i..].starts_with(&two.chars().collect::<Vec<_>>()))
        {
            i += 2;
        } else {
            i += 1;
        }
        out.push(letters[start..i].iter().collect());
    }
    out
}

struct Parser<'a> {
    words: Vec<String>,
    at: usize,
    tables: &'a Tables,
    here: String,
    joined: Option<String>,
    sql: &'a str,
}

impl Parser<'_> {
    fn peek(&self) -> &str {
        self.words.get(self.at).map_or("", String::as_str)
    }
    fn is(&self, word: &str) -> bool {
        self.peek().eq_ignore_ascii_case(word)
    }
    fn next(&mut self) -> String {
        self.at += 1;
        self.words.get(self.at - 1).cloned().unwrap_or_default()
    }
    fn eat(&mut self, word: &str) -> bool {
        let there = self.is(word);
        self.at += usize::from(there);
        there
    }
    #[track_caller]
    fn want(&mut self, word: &str) {
        assert!(self.eat(word), "{word} wanted, {:?} found: {}", self.peek(), self.sql);
    }

    fn statement(&mut self) -> Statement {
        match self.next().to_uppercase().as_str() {
            "CREATE" if self.is("INDEX") => Statement::Index,
            "CREATE" => self.create(),
            "INSERT" => self.insert(),
            "UPDATE" => {
                let table = self.from();
                self.want("SET");
                let set = self.sets();
                let filter = self.filter();
                let returning = if self.eat("RETURNING") { self.list() } else { Vec::new() };
                self.end();
                Statement::Update { table, set, filter, returning }
            }
            "DELETE" => {
                self.want("FROM");
                let table = self.from();
                let filter = self.filter();
                self.end();
                Statement::Delete { table, filter }
            }
            "SELECT" => self.select(),
            other => panic!("{other} is not understood: {}", self.sql),
        }
    }

    fn end(&self) {
        assert!(self.at >= self.words.len(), "{:?} is not understood: {}", self.peek(), self.sql);
    }

    fn from(&mut self) -> String {
        self.here = self.next();
        assert!(self.tables.contains_key(&self.here), "no table {}: {}", self.here, self.sql);
        self.here.clone()
    }

    fn filter(&mut self) -> Option<Expr> {
        self.eat("WHERE").then(|| self.expr(0))
    }

    fn create(&mut self) -> Statement {
        for word in ["TABLE", "IF", "NOT", "EXISTS"] {
            self.want(word);
        }
        let (name, mut table) = (self.next(), Table::default());
        self.want("(");
        loop {
            let first = self.next();
            if first == "PRIMARY" {
                self.want("KEY");
                self.want("(");
                loop {
                    let column = self.next();
                    table.primary.push(table.columns.iter().position(|c| *c == column).unwrap());
                    if !self.eat(",") {
                        break;
                    }
                }
                self.want(")");
            } else {
                table.columns.push(first);
                let mut depth = 0;
                while depth > 0 || !(self.is(",") || self.is(")")) {
                    match self.next().as_str() {
                        "(" => depth += 1,
                        ")" => depth -= 1,
                        "PRIMARY" => table.primary.push(table.columns.len() - 1),
                        "UNIQUE" => table.unique.push(table.columns.len() - 1),
                        _ => {}
                    }
                }
            }
            if self.next() == ")" {
                return Statement::Create(name, table);
            }
        }
    }

    fn column(&self, name: &str) -> usize {
        let found = self.tables[&self.here].columns.iter().position(|column| column == name);
        found.unwrap_or_else(|| panic!("no column {name}: {}", self.sql))
    }

    fn names(&mut self) -> Vec<usize> {
        self.want("(");
        let mut names = Vec::new();
        loop {
            let name = self.next();
            names.push(self.column(&name));
            if self.next() == ")" {
                return names;
            }
        }
    }

    fn sets(&mut self) -> Vec<(usize, Expr)> {
        let mut sets = Vec::new();
        loop {
            let name = self.next();
            let column = self.column(&name);
            self.want("=");
            sets.push((column, self.expr(2)));
            if !self.eat(",") {
                return sets;
            }
        }
    }

    fn insert(&mut self) -> Statement {
        self.want("INTO");
        let table = self.from();
        let columns = self.names();
        self.want("VALUES");
        let mut rows = Vec::new();
        loop {
            self.want("(");
            rows.push(self.list());
            self.want(")");
            if !self.eat(",") {
                break;
            }
        }
        let mut then = Then::Fail;
        if self.eat("ON") {
            self.want("CONFLICT");
            self.names();
            self.want("DO");
            then = if self.eat("NOTHING") {
                Then::Nothing
            } else {
                self.want("UPDATE");
                self.want("SET");
                Then::Set(self.sets())
            };
        }
        self.end();
        Statement::Insert { table, columns, rows, then }
    }

    fn list(&mut self) -> Vec<Expr> {
        let mut list = vec![self.expr(0)];
        while self.eat(",") {
            list.push(self.expr(0));
        }
        list
    }

    fn select(&mut self) -> Statement {
        let start = self.at;
        // The tables come first, so that columns are known by their place.
        while !self.is("FROM") {
            self.at += 1;
        }
        self.at += 1;
        let table = self.from();
        let left = self.eat("LEFT");
        let mut joined = None;
        if self.eat("JOIN") {
            let other = self.next();
            self.joined = Some(other.clone());
            self.want("ON");
            joined = Some((other, left, self.expr(0)));
        }
        let after = self.at;
        self.at = start;
        let items = self.list();
        self.at = after;
        let filter = self.filter();
        let mut group = None;
        if self.eat("GROUP") {
            self.want("BY");
            group = Some(self.expr(0));
        }
        let mut order = Vec::new();
        if self.eat("ORDER") {
            self.want("BY");
            loop {
                let by = self.expr(0);
                order.push((by, self.eat("DESC")));
                if !self.eat(",") {
                    break;
                }
            }
        }
        let limit = self.eat("LIMIT").then(|| self.expr(0));
        self.end();
        Statement::Select(Box::new(Select { table, joined, items, filter, group, order, limit }))
    }

    /// By precedence: OR, AND, comparisons, sums, products.
    fn expr(&mut self, level: usize) -> Expr {
        const LEVELS: [&[&str]; 5] = [&["OR"], &["AND"], &["=", "<>", "<=", ">=", "<", ">"], &["+", "-", "||"], &["*"]];
        if level == LEVELS.len() {
            return self.primary();
        }
        let mut left = self.expr(level + 1);
        loop {
            if let Some(op) = LEVELS[level].iter().find(|op| self.is(op)) {
                self.at += 1;
                let right = self.expr(level + 1);
                left = Expr::Binary(op, Box::new(left), Box::new(right));
            } else if level == 2 && self.eat("IS") {
                let not = self.eat("NOT");
                self.want("NULL");
                left = Expr::IsNull(Box::new(left), not);
            } else if level == 2 && self.eat("IN") {
                self.want("(");
                left = Expr::In(Box::new(left), self.list());
                self.want(")");
            } else if level == 2 && self.eat("LIKE") {
                let pattern = self.expr(3);
                self.want("ESCAPE");
                self.next();
                left = Expr::Like(Box::new(left), Box::new(pattern));
            } else {
                return left;
            }
        }
    }

    fn primary(&mut self) -> Expr {
        let word = self.next();
        if word == "(" {
            let inner = self.expr(0);
            self.want(")");
            return inner;
        }
        if let Some(place) = word.strip_prefix('$') {
            return Expr::Place(place.parse::<usize>().unwrap() - 1);
        }
        if word.starts_with('\'') {
            return Expr::Value(Text(word.trim_matches('\'').into()));
        }
        if let Ok(number) = word.parse() {
            return Expr::Value(Int(number));
        }
        match word.to_uppercase().as_str() {
            "NULL" => return Expr::Value(Null),
            "CASE" => {
                let mut arms = Vec::new();
                while self.eat("WHEN") {
                    let when = self.expr(0);
                    self.want("THEN");
                    arms.push((when, self.expr(0)));
                }
                self.want("ELSE");
                let other = self.expr(0);
                self.want("END");
                return Expr::Case(arms, Box::new(other));
            }
            fold @ ("MIN" | "MAX") if self.is("(") => {
                self.want("(");
                let inner = self.expr(0);
                self.want(")");
                return Expr::Fold(fold == "MAX", Box::new(inner));
            }
            _ => {}
        }
        if self.eat(".") {
            let name = self.next();
            return match &self.joined {
                _ if word == "excluded" => Expr::Excluded(self.column(&name)),
                Some(joined) if *joined == word => {
                    let found = self.tables[joined].columns.iter().position(|column| *column == name);
                    Expr::Column(true, found.unwrap_or_else(|| panic!("no column {name}: {}", self.sql)))
                }
                _ => Expr::Column(false, self.column(&name)),
            };
        }
        Expr::Column(false, self.column(&word))
    }
}
