//! The published JSON Schema (2020-12) of the result file, made from the types that write it.

use schemars::{SchemaGenerator, generate::SchemaSettings};
use serde_json::Value;

use super::{ResultFile, SCHEMA};

/// The schema of [`ResultFile`] as it is written.
pub fn schema() -> Value {
    let settings = SchemaSettings::draft2020_12().for_serialize();
    let mut schema = SchemaGenerator::new(settings).into_root_schema_for::<ResultFile>();
    schema.insert("title".to_string(), SCHEMA.into());
    // The one value that a reader has to look at first.
    if let Some(version) = schema.pointer_mut("/properties/schema") {
        *version = serde_json::json!({ "const": SCHEMA });
    }
    schema.to_value()
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::*;

    #[test]
    fn the_published_schema_is_that_of_the_code() {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/schema/result-v1.json");
        let published = fs::read_to_string(&file).unwrap_or_default();
        let made = serde_json::to_string_pretty(&schema()).unwrap() + "\n";
        let how =
            "`routeproof schema result > docs/schema/result-v1.json`; what readers depend on may only grow";
        assert!(published == made, "{} is not what the code writes: {how}", file.display());
    }
}
