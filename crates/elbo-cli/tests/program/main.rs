//! The program from outside: exit codes, messages, files.

mod bad_input;
mod commands;
mod forecast;
mod main_job;
mod program;
mod repeatable;
mod report;
mod resume;
mod sweep;
