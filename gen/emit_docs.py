def emitters():
    return {}
