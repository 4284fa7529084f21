"text" 5
