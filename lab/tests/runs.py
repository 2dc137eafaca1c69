"""Runs of a made-up result."""


def run(fold=1, seed=0, last=0.9, best=None, **changed):
    return {
        'fold': fold,
        'seed': seed,
        'commit': 'aaaa',
        'num_samples': 50,
        'last_top1': last,
        'best_top1': last if best is None else best,
        'epochs': 80,
        'seconds': 1800,
        **changed,
    }


PLAIN = [run(1, 0, 0.80), run(1, 1, 0.90), run(2, 0, 0.60), run(2, 1, 0.70)]  # 70 with seed 0, 80 with seed 1
OTHER = [run(1, 0, 0.82, 0.9), run(1, 1, 0.94, 0.96), run(2, 0, 0.60, 0.7), run(2, 1, 0.70, 0.8)]
