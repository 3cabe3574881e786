//! A program that connects to a server and migrates, as one replica of many does.
//!
//! `booter URL KIND COUNT`: the set of that kind, with so many migrations.

use whimbrel::{DatabaseUrl, Migrator};
use whimbrel_tests::either::Either;
use whimbrel_tests::sets;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [url, kind, count] = arguments.as_slice() else { return Err("booter URL KIND COUNT".into()) };
    let url: DatabaseUrl = url.parse()?;
    let set = sets::replicated(kind, count.parse()?);
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
        let mut db = Either::connect(&url).await?;
        let report = Migrator::new(set).run(&mut db).await?;
        println!("{report}");
        Ok(())
    })
}
