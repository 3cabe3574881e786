//! What is served: the products, and whether the service is ready. Knows nothing of migrations.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use deadpool::managed::PoolError;
use serde::{Deserialize, Serialize};
use whimbrel_postgres::tokio_postgres;

use crate::database::Pool;

pub(crate) fn router(pool: Pool) -> Router {
    Router::new().route("/ready", get(ready)).route("/products", get(products).post(add)).with_state(pool)
}

#[derive(Serialize, Deserialize)]
struct Product {
    name: String,
    price_cents: i64,
    #[serde(default)]
    stock: i64,
}

/// Whoever is answered at all is answered by a service whose database was migrated; this says that it is there, too.
async fn ready(State(pool): State<Pool>) -> Result<&'static str, Failure> {
    pool.get().await?.simple_query("SELECT 1").await?;
    Ok("ready\n")
}

async fn products(State(pool): State<Pool>) -> Result<Json<Vec<Product>>, Failure> {
    let client = pool.get().await?;
    let select = client.prepare_cached("SELECT name, price_cents, stock FROM products ORDER BY name").await?;
    let rows = client.query(&select, &[]).await?;
    let product = |row: &tokio_postgres::Row| {
        Ok(Product {
            name: row.try_get("name")?,
            price_cents: row.try_get("price_cents")?,
            stock: row.try_get("stock")?,
        })
    };
    Ok(Json(rows.iter().map(product).collect::<Result<_, tokio_postgres::Error>>()?))
}

async fn add(State(pool): State<Pool>, Json(product): Json<Product>) -> Result<StatusCode, Failure> {
    let client = pool.get().await?;
    let insert = "INSERT INTO products (name, price_cents, stock) VALUES ($1, $2, $3)";
    let insert = client.prepare_cached(insert).await?;
    client.execute(&insert, &[&product.name, &product.price_cents, &product.stock]).await?;
    Ok(StatusCode::CREATED)
}

/// Why a request was not carried out.
enum Failure {
    Pool(PoolError<whimbrel::Error>),
    Query(tokio_postgres::Error),
}

impl From<PoolError<whimbrel::Error>> for Failure {
    fn from(error: PoolError<whimbrel::Error>) -> Self {
        Self::Pool(error)
    }
}

impl From<tokio_postgres::Error> for Failure {
    fn from(error: tokio_postgres::Error) -> Self {
        Self::Query(error)
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let (status, text) = match &self {
            Self::Pool(error) => {
                eprintln!("no connection: {error}");
                (StatusCode::SERVICE_UNAVAILABLE, "the database cannot be reached\n")
            }
            Self::Query(error) => match error.code().map(|code| code.code()) {
                Some("23505") => (StatusCode::CONFLICT, "there is one of that name\n"),
                Some("23514") => (StatusCode::UNPROCESSABLE_ENTITY, "a name or a price that cannot be\n"),
                // Not the database's own words, which may quote values.
                code => {
                    eprintln!("a query failed: {}", code.unwrap_or("the connection was lost"));
                    (StatusCode::INTERNAL_SERVER_ERROR, "something went wrong\n")
                }
            },
        };
        (status, text).into_response()
    }
}
