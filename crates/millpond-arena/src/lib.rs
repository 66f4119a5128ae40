//! millpond-arena
