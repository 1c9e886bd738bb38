"""A heap that looks like a program's: instances with attributes, slots, dictionaries, lists, tuples and texts."""

TRACKED_EACH = 6  # objects that the collector tracks, for each order: itself, its lines (1 + 2), its details and tags
CUSTOMERS = 1000


class Customer:
    def __init__(self, number: int) -> None:
        self.name = f"customer {number}"
        self.address = {"street": f"{number} Long Street", "city": f"city {number % 100}", "zip": number + 10_000}


class Line:
    __slots__ = ("amount", "price", "sku")

    def __init__(self, number: int, amount: int) -> None:
        self.sku = f"sku-{number}-{amount}"
        self.amount = amount
        self.price = number * 1.25


class Order:
    def __init__(self, number: int, customer: Customer) -> None:
        self.number = number
        self.customer = customer
        self.note = f"order {number}: leave it at the door"
        self.lines = [Line(number, 1), Line(number, 2)]
        self.details = {"state": "open", "total": number * 2.5, "tags": [f"tag {number}", "new"], "at": (number, 1.5)}


def build(tracked: int) -> list[Order]:
    """Orders that amount to so many tracked objects."""
    customers = [Customer(number) for number in range(CUSTOMERS)]
    return [Order(number, customers[number % CUSTOMERS]) for number in range(tracked // TRACKED_EACH)]
