//! millpond-map
