import <not-in-the-search-path>
