//! One module per subcommand.

pub mod images;
