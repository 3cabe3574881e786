//! axe-core, which looks at the command's HTML page for what keeps people with disabilities out. Runs nothing.

use std::env;

use crate::failure::Result;
use crate::servers::{npm, store};

/// By which variable the tests find its script.
const VARIABLE: &str = "WHIMBREL_AXE";

/// What tells the tests to go without it.
const NONE: &str = "none";

const PACKAGE: npm::Package = npm::Package {
    name: "axe-core",
    version: "4.14.1",
    digest: "FHfa+lmNjQZfJz1q8wKqIDwC6DExcHt/pkjNQb09a3NPjCKg2rhu5qb2S4r76ASyFNNtuFooJpZe37OgudVGtQ==",
    links: None,
};

/// What the tests have of it.
pub(crate) struct Axe {
    variable: Option<String>,
    had: String,
}

impl Axe {
    /// Downloads it, unless a variable says where it is. Where that fails, the tests go on without it, and the closing table
    /// says so.
    pub(crate) fn gather() -> Self {
        if env::var_os(VARIABLE).is_some() {
            return Self { variable: None, had: format!("named by {VARIABLE}") };
        }
        match fetch() {
            Ok(script) => Self { variable: Some(script), had: "downloaded".to_owned() },
            Err(failure) => {
                println!("axe-core is not to be had: {failure}");
                let why = failure.to_string();
                let had = format!("not to be had, and not used: {}", why.lines().next().unwrap_or_default());
                Self { variable: Some(NONE.to_owned()), had }
            }
        }
    }

    /// What the tests have to find in their environment.
    pub(crate) fn variable(&self) -> Option<(&'static str, String)> {
        self.variable.clone().map(|script| (VARIABLE, script))
    }

    /// Its line below the closing table.
    pub(crate) fn line(&self) -> String {
        format!("axe-core {}: {}", PACKAGE.version, self.had)
    }
}

fn fetch() -> Result<String> {
    let folder = store::folder(&format!("axe-core-{}", PACKAGE.version), |into| npm::unpack(&PACKAGE, into))?;
    Ok(folder.join("axe.min.js").display().to_string())
}
