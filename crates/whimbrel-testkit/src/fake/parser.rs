//! Reads one statement from its tokens. Knows no tables.

use whimbrel::script::{Statement as Text, Token, TokenKind};
use whimbrel::{DriverError, ErrorClass, Value};

use super::statement::{
    Change, Column, Comparison, Condition, Expression, Function, Index, Item, Select, Statement,
};

type Parsed<T> = Result<T, DriverError>;

/// Reads a statement.
pub(crate) fn parse(text: &Text<'_>) -> Parsed<Statement> {
    let tokens: Vec<Token<'_>> = text.words().collect();
    let end = text.position().offset + text.text().len();
    let mut parser = Parser { tokens: &tokens, at: 0, end, parameters: 0 };
    let statement = parser.statement()?;
    match parser.peek() {
        None => Ok(statement),
        Some(_) => Err(parser.unexpected()),
    }
}

struct Parser<'p, 't> {
    tokens: &'p [Token<'t>],
    at: usize,
    end: usize,
    parameters: usize,
}

impl<'t> Parser<'_, 't> {
    fn peek(&self) -> Option<Token<'t>> {
        self.tokens.get(self.at).copied()
    }

    /// The error for the token that comes next. It names words and symbols; literals belong in no message.
    fn unexpected(&self) -> DriverError {
        let (near, offset) = match self.peek() {
            None => ("the end".to_owned(), self.end),
            Some(token) if matches!(token.kind, TokenKind::String | TokenKind::Number) => {
                ("a literal".to_owned(), token.offset)
            }
            Some(token) => (format!("`{}`", token.text), token.offset),
        };
        DriverError::new(ErrorClass::Sql, format!("syntax error at {near}"))
            .with_code("syntax")
            .with_offset(offset)
    }

    fn keyword(&mut self, word: &str) -> bool {
        let there = self.peek().is_some_and(|token| token.is_keyword(word));
        self.at += usize::from(there);
        there
    }

    fn keywords(&mut self, words: &[&str]) -> bool {
        let from = self.at;
        let there = words.iter().all(|word| self.keyword(word));
        if !there {
            self.at = from;
        }
        there
    }

    /// The name of a function, and the parenthesis behind it.
    fn keywords_and_parenthesis(&mut self, name: &str) -> bool {
        let from = self.at;
        let there = self.keyword(name) && self.symbol("(");
        if !there {
            self.at = from;
        }
        there
    }

    fn symbol(&mut self, symbol: &str) -> bool {
        let there = self.peek().is_some_and(|token| token.is_symbol(symbol));
        self.at += usize::from(there);
        there
    }

    fn expect(&mut self, there: bool) -> Parsed<()> {
        if there { Ok(()) } else { Err(self.unexpected()) }
    }

    fn expect_keyword(&mut self, word: &str) -> Parsed<()> {
        let there = self.keyword(word);
        self.expect(there)
    }

    fn expect_symbol(&mut self, symbol: &str) -> Parsed<()> {
        let there = self.symbol(symbol);
        self.expect(there)
    }

    /// A name; one with a schema keeps it, with a dot.
    fn name(&mut self) -> Parsed<String> {
        let mut name = self.part()?;
        while self.symbol(".") {
            name = format!("{name}.{}", self.part()?);
        }
        Ok(name)
    }

    fn part(&mut self) -> Parsed<String> {
        let name = match self.peek() {
            Some(token) if token.kind == TokenKind::Word => token.text.to_owned(),
            Some(token) if token.kind == TokenKind::QuotedIdentifier => {
                token.text.trim_matches('"').replace("\"\"", "\"")
            }
            _ => return Err(self.unexpected()),
        };
        self.at += 1;
        Ok(name)
    }

    fn number(&mut self) -> Parsed<i64> {
        let negative = self.symbol("-");
        let number = self.peek().filter(|token| token.kind == TokenKind::Number);
        let Some(number) = number.and_then(|token| token.text.parse::<i64>().ok()) else {
            return Err(self.unexpected());
        };
        self.at += 1;
        Ok(if negative { -number } else { number })
    }

    fn list<T>(&mut self, mut one: impl FnMut(&mut Self) -> Parsed<T>) -> Parsed<Vec<T>> {
        let mut all = vec![one(self)?];
        while self.symbol(",") {
            all.push(one(self)?);
        }
        Ok(all)
    }

    fn in_parentheses<T>(&mut self, one: impl FnMut(&mut Self) -> Parsed<T>) -> Parsed<Vec<T>> {
        self.expect_symbol("(")?;
        let all = self.list(one)?;
        self.expect_symbol(")")?;
        Ok(all)
    }

    fn statement(&mut self) -> Parsed<Statement> {
        Ok(if self.keyword("BEGIN") {
            Statement::Begin
        } else if self.keyword("COMMIT") {
            Statement::Commit
        } else if self.keywords(&["ROLLBACK", "TO"]) {
            self.keyword("SAVEPOINT");
            Statement::RollbackTo(self.name()?)
        } else if self.keyword("ROLLBACK") {
            Statement::Rollback
        } else if self.keyword("SAVEPOINT") {
            Statement::Savepoint(self.name()?)
        } else if self.keyword("RELEASE") {
            self.keyword("SAVEPOINT");
            Statement::Release(self.name()?)
        } else if self.keyword("VACUUM") {
            Statement::Vacuum
        } else if self.keywords(&["MAKE", "FILE"]) {
            Statement::MakeFile(self.name()?)
        } else if self.keyword("SET") {
            let name = self.name()?;
            self.expect_symbol("=")?;
            Statement::Set(name, self.number()?)
        } else if self.keyword("REMEMBER") {
            Statement::Remember(self.expression()?)
        } else if self.keyword("CHECKPOINT") {
            Statement::Nothing
        } else if self.keyword("ASSERT") {
            Statement::Assert(vec![self.condition()?])
        } else if self.keywords(&["LOCK", "TABLE"]) {
            self.name()?;
            Statement::Nothing
        } else if self.keyword("SELECT") {
            let mut selects = vec![self.select()?];
            while self.keywords(&["UNION", "ALL", "SELECT"]) {
                selects.push(self.select()?);
            }
            Statement::Select(selects)
        } else {
            Statement::Change(self.change()?)
        })
    }

    fn change(&mut self) -> Parsed<Change> {
        if self.keywords(&["CREATE", "TABLE"]) {
            return self.create_table();
        }
        if self.keywords(&["CREATE", "INDEX"]) {
            return self.create_index(false);
        }
        if self.keywords(&["CREATE", "UNIQUE", "INDEX"]) {
            return self.create_index(true);
        }
        Ok(if self.keywords(&["DROP", "TABLE"]) {
            let if_there = self.keywords(&["IF", "EXISTS"]);
            Change::DropTable { name: self.name()?, if_there }
        } else if self.keywords(&["DROP", "INDEX"]) {
            Change::DropIndex { name: self.name()? }
        } else if self.keywords(&["ALTER", "TABLE"]) {
            let table = self.name()?;
            self.expect_keyword("ADD")?;
            self.keyword("COLUMN");
            Change::AddColumn { table, column: self.column()?.0 }
        } else if self.keywords(&["INSERT", "INTO"]) {
            let table = self.name()?;
            let columns = self.in_parentheses(Self::part)?;
            self.expect_keyword("VALUES")?;
            let rows = self.list(|this| this.in_parentheses(Self::expression))?;
            if rows.iter().any(|row| row.len() != columns.len()) {
                return Err(DriverError::new(ErrorClass::Sql, "as many values as columns are needed"));
            }
            Change::Insert { table, columns, rows }
        } else if self.keyword("UPDATE") {
            let table = self.name()?;
            self.expect_keyword("SET")?;
            let assignments = self.list(|this| {
                let name = this.part()?;
                this.expect_symbol("=")?;
                Ok((name, this.expression()?))
            })?;
            Change::Update { table, assignments, filter: self.filter()? }
        } else if self.keywords(&["DELETE", "FROM"]) {
            Change::Delete { table: self.name()?, filter: self.filter()? }
        } else {
            return Err(self.unexpected());
        })
    }

    fn create_table(&mut self) -> Parsed<Change> {
        let if_missing = self.keywords(&["IF", "NOT", "EXISTS"]);
        let name = self.name()?;
        let (mut columns, mut keys) = (Vec::new(), Vec::new());
        self.in_parentheses(|this| {
            if this.keywords(&["PRIMARY", "KEY"]) || this.keyword("UNIQUE") {
                keys.push(this.in_parentheses(Self::part)?);
            } else {
                let (column, unique) = this.column()?;
                keys.extend(unique.then(|| vec![column.name.clone()]));
                columns.push(column);
            }
            Ok(())
        })?;
        Ok(Change::CreateTable { name, if_missing, columns, keys })
    }

    /// A column, and whether its values are unique.
    fn column(&mut self) -> Parsed<(Column, bool)> {
        let name = self.part()?;
        let from = self.at;
        let (mut unique, mut not_null, mut default) = (false, false, Value::Null);
        while let Some(token) = self.peek().filter(|token| !token.is_symbol(",") && !token.is_symbol(")")) {
            if self.keywords(&["PRIMARY", "KEY"]) {
                (unique, not_null) = (true, true);
            } else if self.keyword("UNIQUE") {
                unique = true;
            } else if self.keywords(&["NOT", "NULL"]) {
                not_null = true;
            } else if self.keyword("DEFAULT") {
                default = match self.term()? {
                    Expression::Literal(value) => value,
                    _ => return Err(self.unexpected()),
                };
            } else if self.symbol("(") {
                self.number()?;
                self.expect_symbol(")")?;
            } else if token.kind == TokenKind::Word {
                self.at += 1;
            } else {
                return Err(self.unexpected());
            }
        }
        let words: Vec<&str> = self.tokens[from..self.at].iter().map(|token| token.text).collect();
        Ok((Column { name, definition: words.join(" "), not_null, default }, unique))
    }

    fn create_index(&mut self, unique: bool) -> Parsed<Change> {
        let name = self.name()?;
        self.expect_keyword("ON")?;
        let table = self.name()?;
        let columns = self.in_parentheses(Self::part)?;
        Ok(Change::CreateIndex { name, index: Index { table, columns, unique } })
    }

    fn select(&mut self) -> Parsed<Select> {
        let items = self.list(Self::item)?;
        let table = if self.keyword("FROM") { Some(self.name()?) } else { None };
        let filter = self.filter()?;
        let mut order = Vec::new();
        if self.keywords(&["ORDER", "BY"]) {
            order = self.list(|this| Ok((this.part()?, this.keyword("DESC"))))?;
        }
        let limit = if self.keyword("LIMIT") { Some(self.number()?) } else { None };
        Ok(Select { items, table, filter, order, limit })
    }

    fn item(&mut self) -> Parsed<Item> {
        if self.symbol("*") {
            return Ok(Item::Everything);
        }
        if self.keyword("COUNT") {
            for symbol in ["(", "*", ")"] {
                self.expect_symbol(symbol)?;
            }
            return Ok(Item::Count);
        }
        let expression = self.expression()?;
        let mut name = match &expression {
            Expression::Column(name) => name.clone(),
            _ => "value".to_owned(),
        };
        if self.keyword("AS") {
            name = self.part()?;
        }
        Ok(Item::Expression { name, expression })
    }

    fn filter(&mut self) -> Parsed<Vec<Condition>> {
        let mut conditions = Vec::new();
        if self.keyword("WHERE") {
            conditions.push(self.condition()?);
            while self.keyword("AND") {
                conditions.push(self.condition()?);
            }
        }
        Ok(conditions)
    }

    fn condition(&mut self) -> Parsed<Condition> {
        let left = self.expression()?;
        let nothing = Expression::Literal(Value::Null);
        if self.keywords(&["IS", "NULL"]) {
            return Ok(Condition { left, comparison: Comparison::IsNull, right: nothing });
        }
        if self.keywords(&["IS", "NOT", "NULL"]) {
            return Ok(Condition { left, comparison: Comparison::IsNotNull, right: nothing });
        }
        let comparison = if self.symbol("=") {
            Comparison::Equal
        } else if self.symbol("<") {
            if self.symbol(">") {
                Comparison::Unequal
            } else if self.symbol("=") {
                Comparison::LessOrEqual
            } else {
                Comparison::Less
            }
        } else if self.symbol(">") {
            if self.symbol("=") { Comparison::GreaterOrEqual } else { Comparison::Greater }
        } else if matches!(left, Expression::Exists(_) | Expression::Not(_) | Expression::Mine) {
            let zero = Expression::Literal(Value::Integer(0));
            return Ok(Condition { left, comparison: Comparison::Unequal, right: zero });
        } else {
            return Err(self.unexpected());
        };
        Ok(Condition { left, comparison, right: self.expression()? })
    }

    fn expression(&mut self) -> Parsed<Expression> {
        let mut left = self.term()?;
        loop {
            let make = if self.symbol("+") {
                Expression::Plus
            } else if self.symbol("-") {
                Expression::Minus
            } else {
                return Ok(left);
            };
            left = make(Box::new(left), Box::new(self.term()?));
        }
    }

    fn term(&mut self) -> Parsed<Expression> {
        let Some(token) = self.peek() else { return Err(self.unexpected()) };
        if token.kind == TokenKind::String && token.text.starts_with('\'') {
            self.at += 1;
            let inner = &token.text[1..token.text.len() - 1];
            return Ok(Expression::Literal(Value::Text(inner.replace("''", "'"))));
        }
        if token.kind == TokenKind::Number || token.is_symbol("-") {
            return Ok(Expression::Literal(Value::Integer(self.number()?)));
        }
        if self.symbol("?") {
            self.parameters += 1;
            return Ok(Expression::Parameter(self.parameters - 1));
        }
        if self.symbol("(") {
            let inner = if self.keyword("SELECT") {
                Expression::Select(Box::new(self.select()?))
            } else {
                self.expression()?
            };
            self.expect_symbol(")")?;
            return Ok(inner);
        }
        for (name, function) in Function::ALL {
            if self.keywords_and_parenthesis(name) {
                let arguments = self.list(Self::expression)?;
                self.expect_symbol(")")?;
                return Ok(Expression::Call(*function, arguments));
            }
        }
        Ok(if self.keyword("NULL") {
            Expression::Literal(Value::Null)
        } else if self.keyword("EXISTS") {
            self.expect_symbol("(")?;
            self.expect_keyword("SELECT")?;
            let select = Expression::Exists(Box::new(self.select()?));
            self.expect_symbol(")")?;
            select
        } else if self.keyword("NOT") {
            Expression::Not(Box::new(self.term()?))
        } else if self.keyword("MINE") {
            Expression::Mine
        } else if self.keyword("SESSION") {
            Expression::Session
        } else if self.keyword("NOW") {
            Expression::Now
        } else if self.keyword("USER") {
            Expression::User
        } else if self.keyword("MEMORY") {
            Expression::Memory
        } else if self.keyword("SETTING") {
            Expression::Setting(self.name()?)
        } else {
            Expression::Column(self.part()?)
        })
    }
}
