//! rundir
