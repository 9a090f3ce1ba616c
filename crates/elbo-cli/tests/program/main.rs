//! The program from outside: exit codes, messages, files.

mod bad_input;
mod calibration;
mod commands;
mod device;
mod forecast;
mod main_job;
mod ood;
mod program;
mod repeatable;
mod report;
mod resume;
mod sweep;
