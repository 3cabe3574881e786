//! A program that handles a password, and then looks for it in its own memory.
//!
//! `forgetful CASE MASKED [FILE]`: prints how often it is there while it is needed, and afterwards.

use std::path::Path;

use whimbrel::{DatabaseUrl, Memory, Migrator, Secret};
use whimbrel_tests::either::Either;
use whimbrel_tests::memory::Needle;

type Result<T = ()> = std::result::Result<T, Box<dyn std::error::Error>>;

fn main() -> Result {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (Some(case), Some(masked)) = (arguments.first(), arguments.get(1)) else {
        return Err("forgetful CASE MASKED [FILE]".into());
    };
    let needle = Needle::from_masked(masked)?;
    let file = Path::new(arguments.get(2).map_or("/dev/null", String::as_str));
    // Nothing of it may be here by itself.
    say("before", needle.count()?);
    match case.as_str() {
        "secret" => secret(Secret::from_file(file)?, &needle)?,
        "descriptor" => secret(Secret::from_descriptor(0)?, &needle)?,
        "url" => {
            let url = DatabaseUrl::from_file(file)?;
            let parts = url.clone().with_parameter("application_name", "x");
            let shown = format!("{url} {url:?} {parts:?}");
            say("during", needle.count()?);
            drop((url, parts, shown));
        }
        "broken" => {
            let error = DatabaseUrl::from_file(file).err().ok_or("it can be read")?;
            let shown = format!("{error} {error:?}");
            say("during", needle.count()?);
            drop((error, shown));
        }
        "connect" | "refused" => on_server(case, DatabaseUrl::from_file(file)?, &needle)?,
        other => return Err(format!("there is no case {other}").into()),
    }
    say("after", needle.count()?);
    Ok(())
}

fn say(when: &str, count: usize) {
    println!("{when} {count}");
}

fn secret(secret: Secret, needle: &Needle) -> Result {
    let copy = secret.clone();
    let same = copy == secret;
    let shown = format!("{secret} {copy:?} {same}");
    say("during", needle.count()?);
    drop((secret, copy, shown));
    Ok(())
}

/// Connects, migrates and goes; what is left then is the client's.
fn on_server(case: &str, url: DatabaseUrl, needle: &Needle) -> Result {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(async {
        match Either::connect(&url).await {
            Ok(mut db) if case == "connect" => {
                let set = Memory::new().with_sql(1, "t", "CREATE TABLE t (n INTEGER);");
                Migrator::new(set).run(&mut db).await?;
                say("during", needle.count()?);
                drop(db);
            }
            Err(error) if case == "refused" => {
                let shown = format!("{error} {error:?} {error:#}");
                say("during", needle.count()?);
                drop((error, shown));
            }
            Ok(_) => return Err("it is connected".into()),
            Err(error) => return Err(format!("{error:#}").into()),
        }
        Ok::<(), Box<dyn std::error::Error>>(())
    })?;
    drop(runtime);
    // While the URL is there the password is in it, once.
    say("url", needle.count()?);
    drop(url);
    Ok(())
}
