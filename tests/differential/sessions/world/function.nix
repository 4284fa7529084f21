{ n ? 1, m ? "k" }: { inherit n m; }
