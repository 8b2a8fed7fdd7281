"""Where posters stand: walls with one poster a cell, maps with free places, their clusters, sheets of sprites."""
