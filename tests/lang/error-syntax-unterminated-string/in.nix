{ a = "never closed;
}
