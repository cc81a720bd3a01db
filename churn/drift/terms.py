"""Terms of drift reports, as people who do not know statistics read them."""

TERMS = {
    "training": "the customers that the model in service was trained on",
    "live": "the predictions that this report is about, with what was sent for them",
    "drift": "a change that reaches its limit and is too large to be chance",
    "limit": "from this change on it matters; below it, it is no drift however certain it is",
    "p": "p-value: how often chance alone shows a change at least as large where nothing has changed; "
    "the smaller, the surer that it is no chance",
    "false-discovery rate": "share of false alarms among features called drifted; the more is compared, the more looks "
    "like drift by chance, so p-values are raised before they are compared with this rate",
    "sd": "standard deviation: how far values lie from their mean, typically",
    "distance of means": "how far the live mean is from the training mean, in training sd; statisticians call it z",
    "Wasserstein distance": "how far values would have to move on average to turn one distribution into the other, "
    "in training sd",
    "population stability index": "PSI: how differently values spread over ten ranges that hold a tenth of training "
    "each; 0 is no difference, from 0.2 on credit scoring speaks of a significant one",
    "rows outside the training range": "share of live values below the lowest or above the highest of training",
    "Jensen-Shannon distance": "how different the shares of categories are, less what chance makes of them: 0 is no "
    "difference, 1 is nothing in common",
    "rows of new or rare categories": "share of live customers in categories that training did not have, or hardly, "
    "less the share to expect",
    "growth of a rare category": "live share less training share of the rare category that has grown most",
    "rows without a value": "live share without a value, less that of training",
}
"""Term -> what it means, in the order of the glossary."""

EFFECTS = {
    "z": "distance of means",
    "wasserstein": "Wasserstein distance",
    "psi": "population stability index",
    "out_of_range": "rows outside the training range",
    "jensen_shannon": "Jensen-Shannon distance",
    "unseen": "rows of new or rare categories",
    "grown": "growth of a rare category",
    "missing": "rows without a value",
}
"""Statistic of an effect -> its term."""
