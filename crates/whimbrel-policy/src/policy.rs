//! The policy: which rules count, and how much. Judges sets and plans; knows no grammar.

use std::collections::HashMap;
use std::fmt;

use async_trait::async_trait;
use whimbrel::{
    Action, Conditions, Error, ErrorKind, Finding, Kind, Migration, MigrationSet, Plan, Product, Result,
    ScriptFile, ServerVersion, Verifier, Version,
};

use crate::judge::{Judge, Run, unknown};
use crate::level::Level;
use crate::reading;
use crate::rule::{Concern, Rule};
use crate::rules::{self, rules};

/// Which rules count, and what follows when one is broken. See the [crate's page](crate).
///
/// ```
/// use whimbrel_policy::{Concern, Level, Policy};
///
/// let policy = Policy::new()
///     .with_level("drop-column", Level::Refusal)?
///     .with_concern(Concern::Lock, Level::Approval);
/// assert!(Policy::new().with_level("drop-colum", Level::Off).is_err());
/// # Ok::<(), whimbrel::Error>(())
/// ```
#[derive(Clone)]
pub struct Policy {
    levels: HashMap<&'static str, Level>,
    waivers: bool,
}

impl Default for Policy {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let changed: Vec<_> = rules()
            .filter(|rule| self.level_of(rule) != rule.level)
            .map(|rule| (rule.name, self.level_of(rule)))
            .collect();
        f.debug_struct("Policy").field("changed", &changed).field("waivers", &self.waivers).finish()
    }
}

impl Policy {
    /// All rules, each at its own level.
    pub fn new() -> Self {
        Self { levels: HashMap::new(), waivers: true }
    }

    /// Gives a rule another level.
    ///
    /// # Errors
    /// Of kind [`Configuration`](ErrorKind::Configuration): there is no rule of this name.
    pub fn with_level(mut self, rule: &str, level: Level) -> Result<Self> {
        self.levels.insert(known(rule)?.name, level);
        Ok(self)
    }

    /// Gives all rules of a concern another level.
    #[must_use]
    pub fn with_concern(mut self, concern: Concern, level: Level) -> Self {
        self.levels.extend(rules().filter(|rule| rule.concern == concern).map(|rule| (rule.name, level)));
        self
    }

    /// Switches these rules off.
    ///
    /// # Errors
    /// Of kind [`Configuration`](ErrorKind::Configuration): there is no rule of one of these names.
    pub fn without(mut self, rules: &[&str]) -> Result<Self> {
        for rule in rules {
            self = self.with_level(rule, Level::Off)?;
        }
        Ok(self)
    }

    /// Switches all rules off but these.
    ///
    /// # Errors
    /// Of kind [`Configuration`](ErrorKind::Configuration): there is no rule of one of these names.
    pub fn only(mut self, names: &[&str]) -> Result<Self> {
        let kept = names.iter().map(|name| known(name)).collect::<Result<Vec<_>>>()?;
        for rule in rules().filter(|rule| kept.iter().all(|kept| kept.name != rule.name)) {
            self.levels.insert(rule.name, Level::Off);
        }
        Ok(self)
    }

    /// Does not let scripts waive rules: a waiver is read, and changes nothing.
    #[must_use]
    pub fn refusing_waivers(mut self) -> Self {
        self.waivers = false;
        self
    }

    /// What follows when a rule is broken.
    ///
    /// # Errors
    /// Of kind [`Configuration`](ErrorKind::Configuration): there is no rule of this name.
    pub fn level(&self, rule: &str) -> Result<Level> {
        known(rule).map(|rule| self.level_of(rule))
    }

    /// Judges all scripts of a set without a database, up and down.
    ///
    /// Each migration is judged as if it were the only one of its run, on a database that the earlier ones have built and
    /// that has been filled since. Where `conditions` do not tell the server, the oldest version is assumed; where they name no
    /// lock timeout, none (a [`Migrator`](whimbrel::Migrator) has one of 3 seconds by default, and passes it on).
    ///
    /// ```
    /// use whimbrel::{Conditions, Memory, Product};
    /// use whimbrel_policy::Policy;
    ///
    /// let set = Memory::new()
    ///     .with_sql(1, "users", "CREATE TABLE users (id bigint PRIMARY KEY, fax text);")
    ///     .with_sql(2, "no_fax", "-- whimbrel: lock_timeout=3s\nALTER TABLE users DROP COLUMN fax;")
    ///     .set()?;
    /// let findings = Policy::new().lint(&set, Product::Postgres, &Conditions::default())?;
    /// assert_eq!(findings.len(), 1);
    /// assert!(findings[0].message().starts_with("drop-column: "));
    /// # Ok::<(), whimbrel::Error>(())
    /// ```
    ///
    /// # Errors
    /// Of kind [`Configuration`](ErrorKind::Configuration): there are no rules for this database.
    pub fn lint(
        &self,
        set: &MigrationSet,
        product: Product,
        conditions: &Conditions,
    ) -> Result<Vec<Finding>> {
        let server = server(product, conditions)?;
        let mut judge = Judge::new(self, server, conditions.lock_timeout);
        let mut findings: Vec<Vec<Finding>> = Vec::new();
        let mut lint = |migration: &Migration, file: &ScriptFile| {
            judge.catalog_mut().settle();
            judge.judge(&Run {
                set: set.name(),
                label: &migration.label(),
                file,
                in_transaction: in_transaction(product, file.text()),
                shares: false,
                first_statement: 0,
            });
            judge.take_findings()
        };
        let scripts: Vec<&Migration> = set.iter().filter(|migration| migration.kind() == Kind::Sql).collect();
        for migration in &scripts {
            findings.push(lint(migration, migration.up()));
        }
        // Ways down are taken from the newest one on.
        for (migration, findings) in scripts.iter().zip(&mut findings).rev() {
            if let Some(down) = migration.down() {
                findings.extend(lint(migration, down));
            }
        }
        Ok(findings.into_iter().flatten().collect())
    }

    pub(crate) fn accepts_waivers(&self) -> bool {
        self.waivers
    }

    /// The rules for a database that are not off.
    pub(crate) fn rules_for(&self, product: Product) -> impl Iterator<Item = (&'static Rule, Level)> {
        rules()
            .filter(move |rule| rule.products.contains(&product))
            .map(|rule| (rule, self.level_of(rule)))
            .filter(|(_, level)| *level != Level::Off)
    }

    fn level_of(&self, rule: &Rule) -> Level {
        self.levels.get(rule.name).copied().unwrap_or(rule.level)
    }

    fn judge_plan(&self, plan: &Plan) -> Result<Vec<Finding>> {
        let product = product(plan.dialect())?;
        let mut judge = Judge::new(self, server(product, plan.conditions())?, plan.conditions().lock_timeout);
        if plan.is_on_empty_database() {
            judge.catalog_mut().set_empty_database();
        }
        let mut recalled = Vec::new();
        for item in plan.items() {
            let Some(file) = item.script().filter(|_| item.statements() > 0) else { continue };
            if !recalled.contains(&item.set_name()) {
                recalled.push(item.set_name());
                recall(&mut judge, plan, item.set());
            }
            judge.judge(&Run {
                set: item.set_name(),
                label: item.label(),
                file,
                in_transaction: item.in_transaction(),
                shares: plan.shares(),
                first_statement: item.first_statement(),
            });
        }
        Ok(judge.take_findings())
    }
}

#[async_trait]
impl Verifier for Policy {
    /// Nothing: a boot with nothing to do should not read scripts.
    async fn check_set(&self, _set: &MigrationSet) -> Result<Vec<Finding>> {
        Ok(Vec::new())
    }

    async fn check_plan(&self, plan: &Plan) -> Result<Vec<Finding>> {
        self.judge_plan(plan)
    }

    fn reads_server(&self) -> bool {
        true
    }
}

/// Takes in the migrations of a set that are in force: all up to the newest one of the plan, but those that it applies.
fn recall(judge: &mut Judge<'_>, plan: &Plan, set: &MigrationSet) {
    let items: Vec<_> = plan.items().iter().filter(|item| item.set_name() == set.name()).collect();
    let reverted = |version: Version| {
        items.iter().any(|item| {
            item.version() == Some(version) && matches!(item.action(), Action::Revert | Action::ResumeRevert)
        })
    };
    let planned = |version: Version| {
        items.iter().any(|item| item.version() == Some(version) && item.script().is_some())
    };
    let newest = items.iter().filter(|item| item.script().is_some()).filter_map(|item| item.version()).max();
    for migration in set.versioned().iter().filter(|migration| migration.kind() == Kind::Sql) {
        let Some(version) = migration.version() else { continue };
        let in_force =
            newest.is_none_or(|newest| version <= newest) && (reverted(version) || !planned(version));
        if in_force {
            judge.recall(migration.up());
        }
    }
    judge.catalog_mut().settle();
}

/// Whether a script is run in a transaction.
fn in_transaction(product: Product, text: &str) -> bool {
    let Some(lexing) = reading::lexing(product) else { return false };
    let transactional = matches!(product, Product::Postgres | Product::Sqlite);
    let script = whimbrel::script::Script::parse(text, &lexing).ok();
    let directives = script.and_then(|script| whimbrel::Directives::read(&script).ok());
    transactional && directives.is_none_or(|directives| !directives.no_transaction)
}

fn server(product: Product, conditions: &Conditions) -> Result<ServerVersion> {
    if reading::lexing(product).is_none() {
        return Err(none_for("this database"));
    }
    Ok(conditions
        .server
        .filter(|server| server.product == product)
        .unwrap_or_else(|| reading::oldest(product)))
}

fn product(dialect: &str) -> Result<Product> {
    match dialect {
        "postgres" => Ok(Product::Postgres),
        "mysql" => Ok(Product::Mysql),
        "mariadb" => Ok(Product::Mariadb),
        "sqlite" => Ok(Product::Sqlite),
        other => Err(none_for(other)),
    }
}

fn none_for(what: &str) -> Error {
    Error::new(ErrorKind::Configuration, format!("the policy has no rules for {what}: run without it"))
}

fn known(name: &str) -> Result<&'static Rule> {
    rules::find(name).map_err(|nearest| Error::new(ErrorKind::Configuration, unknown(name, nearest)))
}
