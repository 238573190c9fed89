//! What CI does to software: engines that die, hang and run full, containers killed from outside, signals in every
//! phase, networks that break. Each must end typed, told, and with nothing left behind.

mod child;
mod docker;
mod frozen_engine;
mod frozen_servers;
mod in_time;
mod network;
mod signals;
