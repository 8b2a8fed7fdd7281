"""The value of money: the consumer price index of the United States, to compare films of different years.

Source: U.S. Bureau of Labor Statistics, CPI-U, all items, U.S. city average, annual average, 1982–84 = 100 (series
CUUR0000SA0). Budgets and revenues of TMDb and IMDb are in US dollars of their year.
"""

from __future__ import annotations

BASE_YEAR = 2016

_FIRST = 1913
_CPI = (
    9.9, 10.0, 10.1, 10.9, 12.8, 15.0, 17.3,  # 1913–1919
    20.0, 17.9, 16.8, 17.1, 17.1, 17.5, 17.7, 17.4, 17.2, 17.2,  # 1920s
    16.7, 15.2, 13.6, 12.9, 13.4, 13.7, 13.9, 14.4, 14.1, 13.9,  # 1930s
    14.0, 14.7, 16.3, 17.3, 17.6, 18.0, 19.5, 22.3, 24.0, 23.8,  # 1940s
    24.1, 26.0, 26.6, 26.8, 26.9, 26.8, 27.2, 28.1, 28.9, 29.2,  # 1950s
    29.6, 29.9, 30.3, 30.6, 31.0, 31.5, 32.5, 33.4, 34.8, 36.7,  # 1960s
    38.8, 40.5, 41.8, 44.4, 49.3, 53.8, 56.9, 60.6, 65.2, 72.6,  # 1970s
    82.4, 90.9, 96.5, 99.6, 103.9, 107.6, 109.6, 113.6, 118.3, 124.0,  # 1980s
    130.7, 136.2, 140.3, 144.5, 148.2, 152.4, 156.9, 160.5, 163.0, 166.6,  # 1990s
    172.2, 177.1, 179.9, 184.0, 188.9, 195.3, 201.6, 207.3, 215.3, 214.5,  # 2000s
    218.1, 224.9, 229.6, 233.0, 236.7, 237.0, 240.0, 245.1, 251.1, 255.7,  # 2010s
    258.8, 271.0, 292.7, 304.7, 313.7,  # 2020–2024
)  # fmt: skip


def price_level(year: int) -> float:
    """Return the consumer price index of a year; for years outside the table, that of the nearest end.

    >>> price_level(2016), price_level(1890) == price_level(1913)
    (240.0, True)
    """
    return _CPI[min(max(year - _FIRST, 0), len(_CPI) - 1)]


def in_dollars_of(amount: float, year: int, base_year: int = BASE_YEAR) -> float:
    """Convert dollars of one year into dollars of another.

    >>> round(in_dollars_of(11.0, 1977))
    44
    """
    return amount * price_level(base_year) / price_level(year)
