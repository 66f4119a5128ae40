//! millpond-pool
